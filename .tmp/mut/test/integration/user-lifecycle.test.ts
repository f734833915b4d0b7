import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_USER_ATTRIBUTES, USER_ATTRIBUTES, USERS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

const OF_ADA = ['cat/token-a1', 'cat/token-a2', 'cua/u-ada', 'secret/token-a1', 'secret/token-a2'];

let world: World;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createToken('token-a1', 'c-one', 'u-ada');
  await world.createToken('token-a2', 'c-one', 'u-ada');
  await world.startOperator(['--hash-algorithm', 'sha3-512']);
  await world.waitSynced('c-one', '2/2');
});
afterAll(() => world.close());

describe('a user', () => {
  test('disabled is refused by one write, and the tokens stay as they are', async () => {
    const before = await tokensOfAda();
    await world.management.patch(USERS, 'u-ada', { enabled: false });
    await eventuallyAttribute('u-ada', { enabled: false, groups: ['group://a'] });
    await expectStatus({ tokens: '0/0', refused: { UserDisabled: 2 } });
    expect(await tokensOfAda()).toEqual(before);
  });

  test('enabled again is accepted by one write', async () => {
    const before = await tokensOfAda();
    await world.management.patch(USERS, 'u-ada', { enabled: null });
    await eventuallyAttribute('u-ada', { enabled: true });
    await expectStatus({ tokens: '2/2', refused: {} });
    expect(await tokensOfAda()).toEqual(before);
  });

  test('whose enabled is no boolean is taken as disabled, until it is mended', async () => {
    await world.management.patch(USERS, 'u-ada', { enabled: 'yes' });
    await eventuallyAttribute('u-ada', { enabled: false });
    await world.management.patch(USERS, 'u-ada', { enabled: true });
    await eventuallyAttribute('u-ada', { enabled: true });
  });

  test('that is being deleted, held by a finalizer of somebody else, is refused at once', async () => {
    await world.management.patch(USERS, 'u-ada', { metadata: { finalizers: ['example.org/hold'] } });
    await world.management.remove(USERS, 'u-ada');
    await eventually(async () => {
      const attribute = await world.cluster('c-one').clusterUserAttribute('u-ada');
      expect(attribute?.enabled ?? false).toBe(false);
    });
  });

  test('deleted loses ClusterUserAttribute and tokens', async () => {
    await world.management.patch(USERS, 'u-ada', { metadata: { finalizers: null } });
    await eventually(async () => expect(await world.cluster('c-one').ours()).toEqual([]));
    await expectStatus({ tokens: '0/0', refused: { UserNotFound: 2 } });
  });

  test('recreated has everything back', async () => {
    const user = await world.createUser('u-ada');
    await world.waitSynced('c-one', '2/2');
    expect(await world.cluster('c-one').ours()).toEqual(OF_ADA);
    const attribute = await world.cluster('c-one').clusterUserAttribute('u-ada');
    expect(attribute).toMatchObject({ enabled: true, groups: ['group://a'] });
    expect(attribute.metadata.annotations['ace-operator.io/user-uid']).toBe(user.metadata.uid);
  });

  test('deleted and recreated in one breath ends with everything in place, for the new one', async () => {
    await world.management.remove(USERS, 'u-ada');
    const user = await world.createUser('u-ada');
    await eventually(async () => {
      const attribute = await world.cluster('c-one').clusterUserAttribute('u-ada');
      expect(attribute?.metadata.annotations['ace-operator.io/user-uid']).toBe(user.metadata.uid);
      expect(await world.cluster('c-one').ours()).toEqual(OF_ADA);
    });
    await world.waitSynced('c-one', '2/2');
  });

  test('loses the ClusterUserAttribute with the last token, and no sooner', async () => {
    await world.createUser('u-two');
    await world.createToken('token-t1', 'c-one', 'u-two');
    await world.createToken('token-t2', 'c-one', 'u-two');
    await world.waitSynced('c-one', '4/4');
    await world.deleteToken('token-t1');
    await world.waitSynced('c-one', '3/3');
    expect(await world.cluster('c-one').clusterUserAttribute('u-two')).toBeDefined();
    await world.deleteToken('token-t2');
    await eventually(async () => expect(await world.cluster('c-one').ours()).toEqual(OF_ADA));
  });
});

describe('the groups of a user', () => {
  test('are those of all providers, once each, in the order of their bytes', async () => {
    await setAttribute('u-ada', {
      GroupPrincipals: {
        local: { Items: principals('group://b', 'group://Z', 'group://é') },
        github: { Items: principals('github_team://2', 'group://b', 'group://\u{1F600}', 'group://\uFF5E') },
        empty: { Items: null },
        none: null,
      },
    });
    await eventuallyAttribute('u-ada', {
      groups: [
        'github_team://2',
        'group://Z',
        'group://b',
        'group://é',
        // By bytes; by UTF-16 units these two would change places.
        'group://\uFF5E',
        'group://\u{1F600}',
      ],
    });
  });

  test('follow when one is added and one is removed', async () => {
    await setAttribute('u-ada', {
      GroupPrincipals: { local: { Items: principals('group://b', 'group://c') } },
    });
    await eventuallyAttribute('u-ada', { groups: ['group://b', 'group://c'] });
    await setAttribute('u-ada', { GroupPrincipals: { local: { Items: principals('group://c') } } });
    await eventuallyAttribute('u-ada', { groups: ['group://c'] });
  });

  test('are read in the lower-case spelling of other tools, too, and the upper-case one wins', async () => {
    const lower = { groupPrincipals: { local: { items: principals('group://lower') } } };
    await setAttribute('u-ada', { ...lower, GroupPrincipals: null });
    await eventuallyAttribute('u-ada', { groups: ['group://lower'] });
    await setAttribute('u-ada', {
      ...lower,
      GroupPrincipals: { local: { Items: principals('group://upper') } },
    });
    await eventuallyAttribute('u-ada', { groups: ['group://upper'] });
  });

  test('are none when the UserAttribute is gone, and the tokens stay', async () => {
    const before = await tokensOfAda();
    await world.management.remove(USER_ATTRIBUTES, 'u-ada');
    await eventuallyAttribute('u-ada', { groups: [], enabled: true });
    await world.waitSynced('c-one', '2/2');
    expect(await tokensOfAda()).toEqual(before);
  });
});

describe('what comes in any order', () => {
  const steps: Readonly<Record<string, (id: string) => Promise<unknown>>> = {
    token: (id) => world.createToken(`token-${id}`, 'c-one', `u-${id}`),
    user: (id) => world.createUser(`u-${id}`),
    attribute: (id) => world.setGroups(`u-${id}`, ['group://x']),
  };
  for (const order of permutations(Object.keys(steps))) {
    test(`${order.join(', ')}: ends in the same state`, async () => {
      const id = order.map((step) => step[0]).join('');
      for (const step of order) {
        await steps[step]?.(id);
        // Each step is to have been seen alone: the operator has said so in its status or downstream.
        if (step === 'token' && !order.slice(0, order.indexOf('token')).includes('user')) {
          await eventually(async () =>
            expect((await world.propagation('c-one')).status.refused).toEqual({ UserNotFound: 1 }),
          );
        }
      }
      await eventuallyAttribute(`u-${id}`, { enabled: true, groups: ['group://x'] });
      await eventually(async () => {
        expect(await world.cluster('c-one').hashSecret(`token-${id}`)).toBeDefined();
        expect(await world.cluster('c-one').clusterAuthToken(`token-${id}`)).toMatchObject({ enabled: true });
        expect((await world.propagation('c-one')).status.refused ?? {}).toEqual({});
      });
    });
  }
});

describe('the refresh of a user', () => {
  const REFRESHED = '2026-01-01T00:00:00Z';
  const extraByProvider = { github: { principalid: ['github_user://1'], username: ['ada'] } };

  test('is copied: lastRefresh, needsRefresh and extraByProvider', async () => {
    await setAttribute('u-ada', {
      LastRefresh: REFRESHED,
      NeedsRefresh: false,
      ExtraByProvider: extraByProvider,
    });
    await eventuallyAttribute('u-ada', { lastRefresh: REFRESHED, needsRefresh: false, extraByProvider });
  });

  test('asked for by the authenticator stays asked for, whatever else changes', async () => {
    await world.cluster('c-one').patch(CLUSTER_USER_ATTRIBUTES, 'u-ada', { needsRefresh: true }, NAMESPACE);
    await setAttribute('u-ada', { GroupPrincipals: { local: { Items: principals('group://new') } } });
    await eventuallyAttribute('u-ada', { groups: ['group://new'], needsRefresh: true });
    await world.management.patch(USERS, 'u-ada', { enabled: false });
    await eventuallyAttribute('u-ada', { enabled: false, needsRefresh: true });
    await world.management.patch(USERS, 'u-ada', { enabled: true });
    await eventuallyAttribute('u-ada', { enabled: true, needsRefresh: true, lastRefresh: REFRESHED });
    await eventually(async () =>
      expect(await world.management.get(USER_ATTRIBUTES, 'u-ada')).toMatchObject({ NeedsRefresh: true }),
    );
  });

  test('that was made answers the authenticator: the wish is cleared together with the new time', async () => {
    await setAttribute('u-ada', { LastRefresh: '2026-02-02T00:00:00Z', NeedsRefresh: false });
    await eventuallyAttribute('u-ada', { lastRefresh: '2026-02-02T00:00:00Z', needsRefresh: false });
  });

  test('loses extras that upstream has no more', async () => {
    await setAttribute('u-ada', { ExtraByProvider: { local: { username: ['ada'] }, github: null } });
    await eventually(async () => {
      const attribute = await world.cluster('c-one').clusterUserAttribute('u-ada');
      expect(attribute.extraByProvider.local).toEqual({ username: ['ada'] });
      expect(attribute.extraByProvider.github ?? {}).toEqual({});
    });
    await world.management.patch(USER_ATTRIBUTES, 'u-ada', { ExtraByProvider: null });
    await eventually(async () =>
      expect((await world.cluster('c-one').clusterUserAttribute('u-ada')).extraByProvider ?? null).toBeNull(),
    );
  });
});

async function eventuallyAttribute(user: string, fields: object): Promise<void> {
  await eventually(async () =>
    expect(await world.cluster('c-one').clusterUserAttribute(user)).toMatchObject(fields),
  );
}

async function expectStatus(fields: object): Promise<void> {
  await eventually(async () => {
    const { status } = await world.propagation('c-one');
    expect({ tokens: status.tokens, refused: status.refused ?? {} }).toEqual(fields);
  });
}

/** All of the user's objects but the ClusterUserAttribute, versions included. */
async function tokensOfAda(): Promise<readonly Any[]> {
  const client = world.cluster('c-one');
  return Promise.all([
    client.clusterAuthToken('token-a1'),
    client.clusterAuthToken('token-a2'),
    client.hashSecret('token-a1'),
    client.hashSecret('token-a2'),
  ]);
}

async function setAttribute(user: string, fields: object): Promise<void> {
  if (!(await world.management.get(USER_ATTRIBUTES, user))) await world.setGroups(user, []);
  // Providers of an earlier test would stay in a merge patch.
  if ('GroupPrincipals' in fields)
    await world.management.patch(USER_ATTRIBUTES, user, { GroupPrincipals: null, groupPrincipals: null });
  await world.management.patch(USER_ATTRIBUTES, user, fields);
}

const principals = (...names: readonly string[]): readonly object[] =>
  names.map((name) => ({ metadata: { name, creationTimestamp: null }, principalType: 'group' }));

function permutations(items: readonly string[]): readonly (readonly string[])[] {
  if (items.length < 2) return [items];
  return items.flatMap((first) =>
    permutations(items.filter((item) => item !== first)).map((rest) => [first, ...rest]),
  );
}
