import { beforeEach, expect, test } from 'vitest';
import { NAMESPACES } from '../../../src/api/names.ts';
import { ApiError, ConnectionError, OtherPlaneError } from '../../../src/errors.ts';
import type { KubeClient } from '../../../src/kube/client.ts';
import { PlaneIdentity } from '../../../src/kube/plane-identity.ts';
import { isOlder } from '../../../src/kube/versions.ts';
import { FakeApi } from '../../support/fake-api.ts';

let answer: () => unknown;
let asked: number;
let client: KubeClient;
/** What connections do then is told in history.test.ts, over real ones. */
const leaveConnections = (): void => {};

beforeEach(() => {
  const api = new FakeApi();
  asked = 0;
  answer = () => ({ metadata: { uid: 'one' } });
  api.get = async ({ resource, name }) => {
    expect([resource, name]).toEqual([NAMESPACES, 'kube-system']);
    asked += 1;
    return answer();
  };
  client = Object.assign(api, { leaveConnections }) as unknown as KubeClient;
});

test('the first UID that is seen counts, and the same one again is the same plane', async () => {
  const plane = new PlaneIdentity(client);
  expect(plane.uid).toBeUndefined();
  await plane.verify();
  await plane.verify(true);
  expect([plane.uid, plane.stranger]).toEqual(['one', undefined]);
});

test('another UID is another plane, until the right one is back', async () => {
  const plane = new PlaneIdentity(client);
  await plane.verify();
  answer = () => ({ metadata: { uid: 'two' } });
  await expect(plane.verify(true)).rejects.toThrow(OtherPlaneError);
  // Also to those who do not ask anew.
  await expect(plane.verify()).rejects.toMatchObject({ known: 'one', answering: 'two' });
  expect([plane.uid, plane.stranger]).toEqual(['one', 'two']);
  answer = () => ({ metadata: { uid: 'one' } });
  await plane.verify(true);
  expect(plane.stranger).toBeUndefined();
});

test('a UID that is expected counts from the beginning', async () => {
  await expect(new PlaneIdentity(client, 'zero').verify()).rejects.toThrow(OtherPlaneError);
});

const noEvidence: Record<string, () => unknown> = {
  'no right to see it': () => {
    throw new ApiError('no', { code: 403, statusReason: 'Forbidden', objectMissing: false });
  },
  'no answer': () => {
    throw new ConnectionError('Unreachable', 'no');
  },
  'no such namespace': () => undefined,
  'an object without a UID': () => ({ metadata: {} }),
};
for (const [title, silent] of Object.entries(noEvidence)) {
  test(`${title} is no evidence`, async () => {
    const plane = new PlaneIdentity(client);
    answer = silent;
    await plane.verify();
    expect(plane.uid).toBeUndefined();
    answer = () => ({ metadata: { uid: 'one' } });
    await plane.verify(true);
    answer = silent;
    // Nor for its being the one that is known: what it told is not taken. Who may not ask has to do without.
    if (title === 'no right to see it') await plane.verify(true);
    else await expect(plane.verify(true)).rejects.not.toThrow(OtherPlaneError);
    expect([plane.uid, plane.stranger]).toEqual(['one', undefined]);
    await plane.verify();
  });
}

test('what was asked a moment ago, or is being asked, is not asked again', async () => {
  const plane = new PlaneIdentity(client);
  await Promise.all([plane.verify(), plane.verify(), plane.verify(true)]);
  await plane.verify();
  expect(asked).toBe(1);
});

test('over each connection it may be another one: a single stranger is enough, until all are the right one', async () => {
  const uids = { requests: 'one', watches: 'two' };
  const get = async (_key: unknown, { besideWatches = false } = {}): Promise<unknown> => ({
    metadata: { uid: besideWatches ? uids.watches : uids.requests },
  });
  const plane = new PlaneIdentity({ get, leaveConnections } as unknown as KubeClient);
  await plane.verify(true);
  await expect(plane.verify(true, true)).rejects.toMatchObject({ known: 'one', answering: 'two' });
  uids.watches = 'one';
  await plane.verify(true, true);
  uids.requests = 'two';
  await expect(plane.verify(true, true)).rejects.toThrow(OtherPlaneError);
});

test('over the connection of the watches it is asked once for each that is made, and again where it was not the right one', async () => {
  let watches = 'one';
  const asked: string[] = [];
  const fake = {
    watchConnections: 1,
    leaveConnections,
    get: async (_key: unknown, { besideWatches = false } = {}): Promise<unknown> => {
      asked.push(besideWatches ? 'watches' : 'requests');
      return { metadata: { uid: besideWatches ? watches : 'one' } };
    },
  };
  const plane = new PlaneIdentity(fake as unknown as KubeClient);
  await plane.verify(false, true);
  await plane.verify(false, true);
  expect(asked).toEqual(['requests', 'watches']);
  [fake.watchConnections, watches] = [2, 'two'];
  await expect(plane.verify(false, true)).rejects.toThrow(OtherPlaneError);
  // That others are told the right one over their connections proves nothing for this one.
  await plane.verify(true);
  await expect(plane.verify(false, true)).rejects.toThrow(OtherPlaneError);
  watches = 'one';
  await plane.verify(false, true);
  expect(plane.stranger).toBeUndefined();
});

test('versions are compared as numbers where they are some, and count as older where they are not', () => {
  expect([isOlder('9', '10'), isOlder('10', '9'), isOlder('10', '10')]).toEqual([true, false, false]);
  expect(isOlder('9007199254740993', '9007199254740994')).toBe(true);
  expect([isOlder('a', 'b'), isOlder('b', 'a'), isOlder('a', 'a'), isOlder('1e3', '9')]).toEqual([
    true,
    true,
    false,
    true,
  ]);
});
