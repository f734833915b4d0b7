import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, type Resource, SECRETS } from '../../src/api/names.ts';
import { verify } from '../../src/hash/sha3-512.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

const SECRET_OF_ADA = 'not-a-real-secret-of-token-ada';
const FOREIGN_HASH =
  '$3:1:AAECAwQFBgc:uGcM3/n7bkPExtCGEsKSX2DzA4/frx4vOnmEGtMqZaV788k/9N7rCsUm2veOtt7pc7PObZ1nDuZL4NYtQ+MwKQ';
const EXPIRES_AT = '2099-01-01T00:00:00Z';

let world: World;
let settled: readonly Any[];

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a', 'group://b']);
  await world.createToken('token-ada', 'c-one', 'u-ada', { expiresAt: EXPIRES_AT });
  await world.startOperator(['--hash-algorithm', 'sha3-512']);
  await world.waitSynced('c-one', '1/1');
  settled = await contents();
});
afterAll(() => world.close());

describe('by hand deleted', () => {
  test('a Secret comes back, with a hash of the same secret', async () => {
    await remove(SECRETS, 'token-ada');
    await eventually(async () => {
      const secret = await world.cluster('c-one').hashSecret('token-ada');
      expect(verify(SECRET_OF_ADA, decoded(secret))).toBe(true);
    });
    await expectSettled();
  });

  test('a ClusterAuthToken comes back', async () => {
    await remove(CLUSTER_AUTH_TOKENS, 'token-ada');
    await expectSettled();
  });

  test('a ClusterUserAttribute comes back', async () => {
    await remove(CLUSTER_USER_ATTRIBUTES, 'u-ada');
    await expectSettled();
  });

  test('all of it at once comes back', async () => {
    await Promise.all([
      remove(SECRETS, 'token-ada'),
      remove(CLUSTER_AUTH_TOKENS, 'token-ada'),
      remove(CLUSTER_USER_ATTRIBUTES, 'u-ada'),
    ]);
    await expectSettled();
  });
});

describe('by hand altered', () => {
  const cases: Readonly<Record<string, { resource: Resource; patch: object }>> = {
    'the hash': { resource: SECRETS, patch: { data: { hash: base64(FOREIGN_HASH) } } },
    'the hash, to nothing': { resource: SECRETS, patch: { data: { hash: null } } },
    'the fingerprint': { resource: SECRETS, patch: annotated('fingerprint', 'f'.repeat(64)) },
    'the fingerprint, to nothing': { resource: SECRETS, patch: annotated('fingerprint', null) },
    'the UID on the Secret': { resource: SECRETS, patch: annotated('token-uid', 'of-another-token') },
    'the labels of the Secret': { resource: SECRETS, patch: { metadata: { labels: null } } },
    'the user of a token': { resource: CLUSTER_AUTH_TOKENS, patch: { userName: 'u-eve' } },
    'the switch of a token': { resource: CLUSTER_AUTH_TOKENS, patch: { enabled: false } },
    'the expiry of a token': { resource: CLUSTER_AUTH_TOKENS, patch: { expiresAt: '2100-01-01T00:00:00Z' } },
    'the expiry of a token, to never': { resource: CLUSTER_AUTH_TOKENS, patch: { expiresAt: null } },
    'an inline hash, which would win over the Secret': {
      resource: CLUSTER_AUTH_TOKENS,
      patch: { hash: FOREIGN_HASH },
    },
    'the labels of a token': { resource: CLUSTER_AUTH_TOKENS, patch: { metadata: { labels: null } } },
    'the annotations of a token': {
      resource: CLUSTER_AUTH_TOKENS,
      patch: { metadata: { annotations: null } },
    },
    'the UID on a token': {
      resource: CLUSTER_AUTH_TOKENS,
      patch: annotated('token-uid', 'of-another-token'),
    },
    'the groups of a user': { resource: CLUSTER_USER_ATTRIBUTES, patch: { groups: ['system:masters'] } },
    'the groups of a user, to nothing': { resource: CLUSTER_USER_ATTRIBUTES, patch: { groups: null } },
    'the switch of a user': { resource: CLUSTER_USER_ATTRIBUTES, patch: { enabled: false } },
    'the labels of a user': { resource: CLUSTER_USER_ATTRIBUTES, patch: { metadata: { labels: null } } },
    'the annotations of a user': {
      resource: CLUSTER_USER_ATTRIBUTES,
      patch: { metadata: { annotations: null } },
    },
    'the extras of a user': {
      resource: CLUSTER_USER_ATTRIBUTES,
      patch: { extraByProvider: { local: { username: ['root'] } } },
    },
  };

  for (const [name, { resource, patch }] of Object.entries(cases)) {
    test(`${name}: is as it was before`, async () => {
      const object = resource === CLUSTER_USER_ATTRIBUTES ? 'u-ada' : 'token-ada';
      const altered = await world.cluster('c-one').patch(resource, object, patch, NAMESPACE);
      await eventually(async () => {
        const live = await world.cluster('c-one').get(resource, object, NAMESPACE);
        expect(live?.metadata.resourceVersion ?? altered.metadata.resourceVersion).not.toBe(
          altered.metadata.resourceVersion,
        );
      });
      await expectSettled();
    });
  }

  test('a repair of a token is told once by an Event', async () => {
    await eventually(async () => {
      const repaired = (await world.events('Repaired')).filter(
        ({ involvedObject }) => involvedObject.kind === 'Token',
      );
      expect(repaired.map(({ involvedObject }) => `${involvedObject.kind} ${involvedObject.name}`)).toEqual([
        'Token token-ada',
      ]);
      expect(repaired[0]).toMatchObject({
        type: 'Warning',
        message: expect.stringContaining('cluster c-one'),
      });
    });
  });
});

describe('what others write', () => {
  const cases: Readonly<Record<string, { resource: Resource; fields: object }>> = {
    'lastUsedAt of the authenticator': {
      resource: CLUSTER_AUTH_TOKENS,
      fields: { lastUsedAt: '2026-01-01T00:00:00Z' },
    },
    'a label and an annotation on a token': {
      resource: CLUSTER_AUTH_TOKENS,
      fields: { metadata: foreignMarks() },
    },
    'a field on a token': { resource: CLUSTER_AUTH_TOKENS, fields: { note: 'of somebody else' } },
    'a label and an annotation on a Secret': { resource: SECRETS, fields: { metadata: foreignMarks() } },
    'a key in a Secret': { resource: SECRETS, fields: { data: { note: base64('of somebody else') } } },
    'a label and an annotation on a user': {
      resource: CLUSTER_USER_ATTRIBUTES,
      fields: { metadata: foreignMarks() },
    },
    'needsRefresh of the authenticator': {
      resource: CLUSTER_USER_ATTRIBUTES,
      fields: { needsRefresh: true },
    },
  };

  beforeAll(async () => {
    for (const { resource, fields } of Object.values(cases)) {
      const object = resource === CLUSTER_USER_ATTRIBUTES ? 'u-ada' : 'token-ada';
      await world.cluster('c-one').patch(resource, object, fields, NAMESPACE);
    }
    // All at once, and then a change and a restart of ours that each had its chance to undo.
    await world.patchToken('token-ada', { expiresAt: '2098-01-01T00:00:00Z' });
    await world.setGroups('u-ada', ['group://c']);
    await eventually(async () => {
      const token = await world.cluster('c-one').clusterAuthToken('token-ada');
      const user = await world.cluster('c-one').clusterUserAttribute('u-ada');
      expect(token.expiresAt).toBe('2098-01-01T00:00:00Z');
      expect(user.groups).toEqual(['group://c']);
    });
    await world.stopOperator();
    await world.startOperator(['--hash-algorithm', 'sha3-512']);
    await world.waitSynced('c-one', '1/1');
  });

  for (const [name, { resource, fields }] of Object.entries(cases)) {
    test(`${name}: outlives a change of ours and a restart`, async () => {
      const object = resource === CLUSTER_USER_ATTRIBUTES ? 'u-ada' : 'token-ada';
      expect(await world.cluster('c-one').get(resource, object, NAMESPACE)).toMatchObject(fields);
    });
  }
});

function remove(resource: Resource, name: string): Promise<void> {
  return world.cluster('c-one').remove(resource, name, NAMESPACE);
}

/** Everything that is ours to say, without what differs from write to write. */
async function contents(): Promise<readonly Any[]> {
  const client = world.cluster('c-one');
  const secret = await client.hashSecret('token-ada');
  expect(verify(SECRET_OF_ADA, decoded(secret))).toBe(true);
  const objects = [
    secret,
    await client.clusterAuthToken('token-ada'),
    await client.clusterUserAttribute('u-ada'),
  ];
  return objects.map((object) => {
    const { metadata, data: _data, ...fields } = object;
    const { 'ace-operator.io/fingerprint': _fingerprint, ...annotations } = metadata.annotations;
    return { ...fields, metadata: { name: metadata.name, labels: metadata.labels, annotations } };
  });
}

async function expectSettled(): Promise<void> {
  await eventually(async () => expect(await contents()).toEqual(settled));
  await world.waitSynced('c-one', '1/1');
}

function decoded(secret: Any): string {
  return Buffer.from(secret.data.hash, 'base64').toString('utf8');
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}

function annotated(name: string, value: string | null): object {
  return { metadata: { annotations: { [`ace-operator.io/${name}`]: value } } };
}

function foreignMarks(): object {
  return { labels: { 'example.org/team': 'x' }, annotations: { 'example.org/note': 'of somebody else' } };
}
