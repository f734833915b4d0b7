import { afterEach, describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/types.ts';
import { desiredTokenObjects } from '../../../src/derive/desired.ts';
import { withoutNulls } from '../../../src/derive/merge-patch.ts';
import { ApiError, ConnectionError, TerminalError } from '../../../src/errors.ts';
import { apply, objectKey } from '../../../src/kube/apply.ts';
import { aToken, CANARY } from '../../support/builders.ts';
import { FakeApi, status } from '../../support/fake-api.ts';

const [SECRET, TOKEN] = desiredTokenObjects(
  aToken(),
  undefined,
  { hash: 'h', fingerprint: 'f' },
  {
    cluster: 'c-1',
    namespace: 'cattle-system',
    storage: 'secret',
  },
).map((object) => withoutNulls(object)) as [KubeObject, KubeObject];

let api = new FakeApi();
afterEach(() => {
  api = new FakeApi();
});

const stored = async (object: KubeObject): Promise<KubeObject> =>
  (await apply(api, { verb: 'create', object })) as KubeObject;

describe('apply', () => {
  test('a creation answers with the object as it is stored', async () => {
    const answer = await stored(SECRET);
    expect(answer).toMatchObject({ ...SECRET, metadata: { ...SECRET.metadata, uid: expect.any(String) } });
    expect(api.objects()).toEqual([answer]);
  });

  test('a patch changes what it names, of this very object', async () => {
    const target = await stored(TOKEN);
    const answer = await apply(api, { verb: 'patch', target, patch: { enabled: false } });
    expect(answer).toMatchObject({ enabled: false, userName: 'u-1', metadata: { uid: target.metadata.uid } });
  });

  test('a deletion removes this very object and answers nothing', async () => {
    const target = await stored(TOKEN);
    expect(await apply(api, { verb: 'delete', target })).toBeUndefined();
    expect(api.objects()).toEqual([]);
  });

  test('deleting what is gone already is done', async () => {
    const target = await stored(TOKEN);
    api.drop('ClusterAuthToken', 't-1');
    await expect(apply(api, { verb: 'delete', target })).resolves.toBeUndefined();
  });

  test('an object that was replaced meanwhile is neither patched nor deleted', async () => {
    const target = await stored(TOKEN);
    api.drop('ClusterAuthToken', 't-1');
    await stored(TOKEN);
    const before = api.objects();
    await expect(apply(api, { verb: 'patch', target, patch: { enabled: true } })).rejects.toMatchObject({
      reason: 'Rejected',
      cause: { code: 422 },
    });
    await expect(apply(api, { verb: 'delete', target })).rejects.toMatchObject({ code: 409 });
    expect(api.objects()).toEqual(before);
  });

  for (const code of [400, 413, 422]) {
    test(`a ${code} is terminal: the object itself is refused`, async () => {
      api.fault = () => status(code, 'Invalid');
      const attempt = apply(api, { verb: 'create', object: SECRET });
      await expect(attempt).rejects.toThrow(TerminalError);
      await expect(attempt).rejects.toMatchObject({ reason: 'Rejected' });
    });
  }

  // Something is still there that should not be: it is tried until it succeeds.
  for (const code of [400, 413, 422]) {
    test(`a ${code} to what takes something away is not`, async () => {
      const target = await stored(TOKEN);
      api.fault = () => status(code, 'Invalid');
      await expect(apply(api, { verb: 'delete', target })).rejects.toThrow(ApiError);
      const patch = { enabled: false };
      await expect(apply(api, { verb: 'patch', target, patch })).rejects.toThrow(ApiError);
    });
  }

  for (const code of [401, 403, 404, 409, 429, 500, 503]) {
    test(`a ${code} may go away by itself`, async () => {
      api.fault = () => status(code, 'Whatever');
      await expect(apply(api, { verb: 'create', object: SECRET })).rejects.toThrow(ApiError);
    });
  }

  test('no answer may go away by itself', async () => {
    api.fault = () => 'unreachable';
    await expect(apply(api, { verb: 'create', object: SECRET })).rejects.toThrow(ConnectionError);
  });

  test('a terminal error does not show what was sent', async () => {
    api.fault = () => status(422, 'Invalid');
    const object = { ...SECRET, data: { hash: CANARY } };
    await expect(apply(api, { verb: 'create', object })).rejects.not.toMatchObject({
      message: expect.stringContaining(CANARY),
    });
  });
});

describe('objectKey', () => {
  test('addresses what we write', () => {
    expect(objectKey(SECRET)).toMatchObject({
      namespace: 'cattle-system',
      name: 't-1',
      resource: { plural: 'secrets' },
    });
  });

  test('a kind that we never write is an error', () => {
    expect(() => objectKey({ apiVersion: 'v1', kind: 'Node', metadata: { name: 'a' } })).toThrow(
      'no resource is known',
    );
  });
});
