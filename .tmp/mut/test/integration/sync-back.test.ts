import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  REFRESH_DEBOUNCE,
  SETTINGS,
  TOKENS,
  USER_ATTRIBUTES,
} from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

let world: World;
const DAY_MS = 24 * 3_600_000;
const time = (ms: number): string => `${new Date(ms).toISOString().slice(0, 19)}Z`;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-two'] });
  await world.register('c-one');
  await world.register('c-two');
  await world.createUser('u-ada', {}, ['group://a']);
  await world.management.patch(USER_ATTRIBUTES, 'u-ada', { LastRefresh: '2026-01-01T00:00:00Z' });
  for (const name of ['token-a', 'token-b', 'token-c']) await world.createToken(name, 'c-one', 'u-ada');
  await world.startOperator();
  await world.waitSynced('c-one', '3/3');
});
afterAll(() => world?.close());

const use = (name: string, lastUsedAt: string): Promise<unknown> =>
  world.cluster('c-one').patch(CLUSTER_AUTH_TOKENS, name, { lastUsedAt }, NAMESPACE);
const lastUse = async (name: string): Promise<string | undefined> =>
  (await world.management.get(TOKENS, name))?.lastUsedAt;

describe('the last use of a token', () => {
  test('reaches the management plane, and costs the token nothing downstream', async () => {
    const used = time(Date.now() - DAY_MS);
    await use('token-a', used);
    await eventually(async () => expect(await lastUse('token-a')).toBe(used));
    expect(await world.cluster('c-one').clusterAuthToken('token-a')).toMatchObject({ lastUsedAt: used });
    await world.waitSynced('c-one', '3/3');
  });

  test('never goes back: an older one that is told later changes nothing', async () => {
    const newer = time(Date.now() - DAY_MS);
    await world.patchToken('token-b', { lastUsedAt: newer });
    await use('token-b', time(Date.now() - 2 * DAY_MS));
    // Another token is carried after it: by then this one was looked at.
    await use('token-c', newer);
    await eventually(async () => expect(await lastUse('token-c')).toBe(newer));
    expect(await lastUse('token-b')).toBe(newer);
  });

  test('of a clock that is ahead is not believed', async () => {
    await world.createToken('token-d', 'c-one', 'u-ada');
    await world.waitSynced('c-one', '4/4');
    await use('token-d', time(Date.now() + DAY_MS));
    const told = await eventually(async () => {
      const value = await lastUse('token-d');
      expect(value).toBeDefined();
      return value;
    });
    expect(Date.parse(told ?? '')).toBeLessThanOrEqual(Date.now());
  });
});

describe('a request to refresh a user’s groups', () => {
  const ask = (): Promise<unknown> =>
    world.cluster('c-one').patch(CLUSTER_USER_ATTRIBUTES, 'u-ada', { needsRefresh: true }, NAMESPACE);

  test('reaches the UserAttribute, and the refresh flows down and clears it', async () => {
    await ask();
    await eventually(async () =>
      expect(await world.management.get(USER_ATTRIBUTES, 'u-ada')).toMatchObject({ NeedsRefresh: true }),
    );
    const refreshed = { NeedsRefresh: false, LastRefresh: '2026-02-02T00:00:00Z' };
    await world.management.patch(USER_ATTRIBUTES, 'u-ada', refreshed);
    await eventually(async () =>
      expect(await world.cluster('c-one').clusterUserAttribute('u-ada')).toMatchObject({
        needsRefresh: false,
        lastRefresh: '2026-02-02T00:00:00Z',
      }),
    );
  });
});

describe('the refresh setting', () => {
  const configMap = (id: string): Promise<unknown> =>
    world.cluster(id).get(CONFIG_MAPS, REFRESH_DEBOUNCE, NAMESPACE);

  test('is copied to every cluster but where someone else has that ConfigMap, followed, and taken away', async () => {
    const foreign = {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: REFRESH_DEBOUNCE, namespace: NAMESPACE },
    };
    await world.cluster('c-two').create(CONFIG_MAPS, { ...foreign, data: { value: 'theirs' } });
    await world.management.create(SETTINGS, {
      apiVersion: 'management.cattle.io/v3',
      kind: 'Setting',
      metadata: { name: REFRESH_DEBOUNCE },
      value: '3600',
    });
    await eventually(async () => expect(await configMap('c-one')).toMatchObject({ data: { value: '3600' } }));
    await world.management.patch(SETTINGS, REFRESH_DEBOUNCE, { value: '60' });
    await eventually(async () => expect(await configMap('c-one')).toMatchObject({ data: { value: '60' } }));
    await world.management.remove(SETTINGS, REFRESH_DEBOUNCE);
    await eventually(async () => expect(await configMap('c-one')).toBeUndefined());
    expect(await configMap('c-two')).toMatchObject({ data: { value: 'theirs' } });
  });
});
