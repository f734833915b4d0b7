import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { TOKENS } from '../../src/api/names.ts';
import { createHasher } from '../../src/hash/hasher.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { startWorld, type World } from '../support/world.ts';

interface Vector {
  readonly format: string;
  readonly secret: string;
  readonly hash: string;
  readonly matches: boolean;
}
const VECTORS: { readonly verify: readonly Vector[] } = JSON.parse(
  readFileSync(new URL('../vectors/hashes.json', import.meta.url), 'utf8'),
);
const HASHED = 'authn.management.cattle.io/token-hashed';

const hasher = createHasher();
let world: World;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one', 'c-two'], downstream: { audit: true } });
  await world.register('c-one');
  await world.register('c-two');
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createUser('u-bob');
  await world.startOperator();
  await world.waitSynced('c-one', '0/0');
  await world.waitSynced('c-two', '0/0');
});
afterAll(async () => {
  await world.close();
  await hasher.close();
});

describe('the secret of a token', () => {
  test('is hashed when it is stored plain', async () => {
    const token = await world.createToken('token-plain', 'c-one', 'u-ada');
    await appears('token-plain');

    await expectSecret('token-plain', 'not-a-real-secret-of-token-plain');
    const object = await world.cluster('c-one').clusterAuthToken('token-plain');
    expect(object).toMatchObject({ userName: 'u-ada', enabled: true });
    expect(object).not.toHaveProperty('hash');
    expect(object).not.toHaveProperty('expiresAt');
    expect(object.metadata.annotations).toEqual({ 'ace-operator.io/token-uid': token.metadata.uid });
    expect((await world.cluster('c-one').hashSecret('token-plain')).metadata.annotations).toEqual({
      'ace-operator.io/token-uid': token.metadata.uid,
      'ace-operator.io/fingerprint': expect.stringMatching(/^[0-9a-f]{16}:[0-9a-f]{64}$/),
    });
  });

  test('is exchanged downstream when it is exchanged upstream', async () => {
    await world.patchToken('token-plain', { token: 'not-a-real-secret-exchanged' });
    await eventually(() => expectSecret('token-plain', 'not-a-real-secret-exchanged'));
    expect(await accepts('token-plain', 'not-a-real-secret-of-token-plain')).toBe(false);
  });

  for (const format of ['sha3-512', 'scrypt', 'sha256']) {
    test(`is copied as it is when upstream hashes it later: ${format}`, async () => {
      const name = `token-later-${format}`;
      const vector = VECTORS.verify.find((entry) => entry.format === format && entry.matches);
      await world.createToken(name, 'c-one', 'u-ada', { token: vector?.secret });
      await appears(name);
      await world.patchToken(name, { token: vector?.hash, metadata: { annotations: { [HASHED]: 'true' } } });
      await eventually(async () => expect(await hashOf(name)).toBe(vector?.hash));
      await expectSecret(name, vector?.secret ?? '');
    });
  }
});

describe('a token', () => {
  test('goes when it is disabled, with its user where that was the last one, and comes back enabled', async () => {
    await world.createToken('token-switch', 'c-one', 'u-bob');
    await appears('token-switch');
    await world.patchToken('token-switch', { enabled: false });
    await eventually(async () => expect(await oursWith('token-switch', 'u-bob')).toEqual([]));
    await expectRefused({ Disabled: 1 });

    await world.patchToken('token-switch', { enabled: true });
    await appears('token-switch');
    await eventually(async () => expect(await oursWith('token-switch', 'u-bob')).toHaveLength(3));
    await expectRefused({});
  });

  test('goes when it is deleted', async () => {
    await world.deleteToken('token-switch');
    await eventually(async () => expect(await oursWith('token-switch', 'u-bob')).toEqual([]));
  });

  test('goes while a finalizer of somebody else still holds it upstream', async () => {
    await world.createToken('token-held', 'c-one', 'u-ada');
    await appears('token-held');
    await world.patchToken('token-held', { metadata: { finalizers: ['example.org/hold'] } });
    await world.deleteToken('token-held');
    await disappears('token-held');
    expect((await world.management.get(TOKENS, 'token-held')).metadata.deletionTimestamp).toBeDefined();
    await expectRefused({ Deleting: 1 });
    await world.patchToken('token-held', { metadata: { finalizers: null } });
    await expectRefused({});
  });

  test('deleted and recreated under its name, for another user with another secret, is the new one', async () => {
    await world.createToken('token-again', 'c-one', 'u-ada');
    await appears('token-again');
    const old = await world.cluster('c-one').clusterAuthToken('token-again');
    await world.deleteToken('token-again');
    const token = await world.createToken('token-again', 'c-one', 'u-bob', {
      token: 'not-a-real-secret-renewed',
    });

    await eventually(async () => {
      const object = await world.cluster('c-one').clusterAuthToken('token-again');
      expect(object).toMatchObject({ userName: 'u-bob', enabled: true });
      expect(object.metadata.uid).not.toBe(old.metadata.uid);
      expect(object.metadata.annotations['ace-operator.io/token-uid']).toBe(token.metadata.uid);
    });
    await expectSecret('token-again', 'not-a-real-secret-renewed');
    expect(await accepts('token-again', 'not-a-real-secret-of-token-again')).toBe(false);
    const secret = await world.cluster('c-one').hashSecret('token-again');
    expect(secret.metadata.annotations['ace-operator.io/token-uid']).toBe(token.metadata.uid);
    expect(await world.cluster('c-one').clusterUserAttribute('u-bob')).toMatchObject({ enabled: true });
  });
});

describe('a token re-scoped to another cluster', () => {
  test('is there before it is gone here', async () => {
    await world.createToken('token-move', 'c-one', 'u-bob');
    await appears('token-move');
    await world.patchToken('token-move', { clusterName: 'c-two' });
    await appears('token-move', 'c-two');
    await disappears('token-move');

    const created = await auditTime('c-two', 'create', 'token-move');
    const deleted = await auditTime('c-one', 'delete', 'token-move');
    expect(created).toBeLessThan(deleted);
    expect(await world.cluster('c-two').ours()).toEqual(['cat/token-move', 'cua/u-bob', 'secret/token-move']);
  });

  test('comes back when it is re-scoped back', async () => {
    await world.patchToken('token-move', { clusterName: 'c-one' });
    await appears('token-move');
    await eventually(async () => expect(await world.cluster('c-two').ours()).toEqual([]));
  });

  test('goes where it was when it names a cluster that is none, or none at all', async () => {
    await world.patchToken('token-move', { clusterName: 'c-that-never-was' });
    await disappears('token-move');
    await world.patchToken('token-move', { clusterName: 'c-one' });
    await appears('token-move');
    await world.patchToken('token-move', { clusterName: '' });
    await disappears('token-move');
    await world.deleteToken('token-move');
  });

  test('while its hash is still being made arrives there all the same', async () => {
    const names = Array.from({ length: 24 }, (_, index) => `token-crowd-${index}`);
    await Promise.all(names.map((name) => world.createToken(name, 'c-one', 'u-ada')));
    await Promise.all(names.map((name) => world.patchToken(name, { clusterName: 'c-two' })));
    await world.waitSynced('c-two', '24/24');
    await Promise.all(names.map((name) => world.deleteToken(name)));
    await eventually(async () => expect(await world.cluster('c-two').ours()).toEqual([]));
  });
});

describe('the expiry of a token', () => {
  test('follows expiresAt in both directions', async () => {
    await world.createToken('token-time', 'c-one', 'u-ada');
    await appears('token-time');
    for (const expiresAt of ['2099-06-01T00:00:00Z', '2098-06-01T00:00:00Z', '2100-01-01T00:00:00Z']) {
      await world.patchToken('token-time', { expiresAt });
      await eventually(async () => expect(await expiryOf('token-time')).toBe(expiresAt));
    }
    await world.patchToken('token-time', { expiresAt: '2099-01-01T02:00:00.9+02:00' });
    await eventually(async () => expect(await expiryOf('token-time')).toBe('2099-01-01T00:00:00Z'));
    await world.patchToken('token-time', { expiresAt: '' });
    await eventually(async () => expect(await expiryOf('token-time')).toBeUndefined());
  });

  test('in the past takes the token away, and moved to the future brings it back', async () => {
    await world.patchToken('token-time', { expiresAt: '2020-01-01T00:00:00Z' });
    await disappears('token-time');
    await expectRefused({ Expired: 1 });
    await eventually(async () => expect(await eventsOf('token-time')).toContain('Expired'));
    await world.patchToken('token-time', { expiresAt: '2099-01-01T00:00:00Z' });
    await appears('token-time');
    await expectRefused({});
  });

  test('is bounded by the ttl alone while management has not filled expiresAt in', async () => {
    const ttl = 16 * 3_600_000;
    const token = await world.createToken('token-ttl', 'c-one', 'u-ada', { ttl, expiresAt: '' });
    await appears('token-ttl');
    expect(await expiryOf('token-ttl')).toBe(secondsAfter(token, ttl));
  });

  test('is the earlier of expiresAt and creation plus ttl', async () => {
    const ttl = 60_000_000;
    await world.patchToken('token-ttl', { ttl, expiresAt: '2099-01-01T00:00:00Z' });
    const token = await world.management.get(TOKENS, 'token-ttl');
    await eventually(async () => expect(await expiryOf('token-ttl')).toBe(secondsAfter(token, ttl)));
    const sooner = secondsAfter(token, ttl - 1_000_000);
    await world.patchToken('token-ttl', { expiresAt: sooner });
    await eventually(async () => expect(await expiryOf('token-ttl')).toBe(sooner));
  });

  test('takes the token away by itself when it comes, not sooner and soon', async () => {
    const expiresAtMs = Math.ceil(Date.now() / 1_000) * 1_000 + 3_000;
    await world.createToken('token-short', 'c-one', 'u-ada', {
      expiresAt: new Date(expiresAtMs).toISOString(),
    });
    await appears('token-short');
    await disappears('token-short');

    const deletedMs = await auditTime('c-one', 'delete', 'token-short');
    expect(deletedMs).toBeGreaterThanOrEqual(expiresAtMs);
    expect(deletedMs).toBeLessThan(expiresAtMs + 5_000);
    expect(await world.management.get(TOKENS, 'token-short')).toBeDefined();
    await expectRefused({ Expired: 1 });
    await eventually(async () => expect(await eventsOf('token-short')).toEqual(['Propagated', 'Expired']));
  });

  test('that was put off in time lets the token live', async () => {
    const expiresAtMs = Date.now() + 3_000;
    await world.createToken('token-saved', 'c-one', 'u-ada', {
      expiresAt: new Date(expiresAtMs).toISOString(),
    });
    await appears('token-saved');
    await world.patchToken('token-saved', { expiresAt: '2099-01-01T00:00:00Z' });
    const saved = await world.cluster('c-one').clusterAuthToken('token-saved');
    // Another that expires later tells that the moment has passed.
    await world.createToken('token-clock', 'c-one', 'u-ada', {
      expiresAt: new Date(expiresAtMs + 1_500).toISOString(),
    });
    await appears('token-clock');
    await disappears('token-clock');
    const still = await world.cluster('c-one').clusterAuthToken('token-saved');
    expect(still.metadata.uid).toBe(saved.metadata.uid);
    expect(still.expiresAt).toBe('2099-01-01T00:00:00Z');
  });
});

test('the kubeconfig token of the seed gist, field by field, reaches its cluster', async () => {
  await world.createUser('u-smckoeh6vq', {
    displayName: 'crimeyank',
    description: '',
    principalIds: ['github_user://67273741', 'local://u-smckoeh6vq'],
    spec: {},
    status: {
      conditions: [{ lastUpdateTime: '2020-06-22T14:38:04Z', status: 'True', type: 'InitialRolesPopulated' }],
    },
  });
  await world.setGroups('u-smckoeh6vq', ['github_org://8765432', 'github_org://1234567']);
  await world.management.create(TOKENS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Token',
    metadata: {
      name: 'kubeconfig-u-smckoeh6vq.c-s8d2f',
      labels: {
        'authn.management.cattle.io/kind': 'kubeconfig',
        'authn.management.cattle.io/token-userId': 'u-smckoeh6vq',
        'cattle.io/creator': 'norman',
      },
    },
    authProvider: 'local',
    clusterName: 'c-one',
    current: false,
    description: 'Kubeconfig token',
    expired: false,
    expiresAt: '',
    groupPrincipals: null,
    isDerived: true,
    lastUpdateTime: '',
    token: 'not-a-real-token-of-the-length-that-rancher-makes-54ch',
    ttl: 0,
    userId: 'u-smckoeh6vq',
    userPrincipal: { metadata: { creationTimestamp: null } },
  });
  await appears('kubeconfig-u-smckoeh6vq.c-s8d2f');

  const object = await world.cluster('c-one').clusterAuthToken('kubeconfig-u-smckoeh6vq.c-s8d2f');
  expect(object).toMatchObject({ enabled: true, userName: 'u-smckoeh6vq' });
  await expectSecret(
    'kubeconfig-u-smckoeh6vq.c-s8d2f',
    'not-a-real-token-of-the-length-that-rancher-makes-54ch',
  );
  expect(await world.cluster('c-one').clusterUserAttribute('u-smckoeh6vq')).toMatchObject({
    enabled: true,
    groups: ['github_org://1234567', 'github_org://8765432'],
    needsRefresh: false,
  });
});

test('after all this the clusters are in the state that is wanted', async () => {
  await world.waitSynced('c-one');
  await world.waitSynced('c-two', '0/0');
});

/** Until the token can be used there: all three objects. */
async function appears(name: string, cluster = 'c-one'): Promise<void> {
  await eventually(
    async () => {
      const there = world.cluster(cluster);
      const object = await there.clusterAuthToken(name);
      expect(object?.enabled).toBe(true);
      expect(await there.hashSecret(name)).toBeDefined();
      expect(await there.clusterUserAttribute(object.userName)).toBeDefined();
    },
    { timeoutMs: 30_000 },
  );
}

async function disappears(name: string, cluster = 'c-one'): Promise<void> {
  await eventually(
    async () => {
      expect(await world.cluster(cluster).clusterAuthToken(name)).toBeUndefined();
      expect(await world.cluster(cluster).hashSecret(name)).toBeUndefined();
    },
    { timeoutMs: 30_000 },
  );
}

async function oursWith(...names: readonly string[]): Promise<readonly string[]> {
  return (await world.cluster('c-one').ours()).filter((object) => names.includes(object.split('/')[1] ?? ''));
}

async function hashOf(name: string): Promise<string> {
  const secret = await world.cluster('c-one').hashSecret(name);
  return Buffer.from(secret.data.hash, 'base64').toString('utf8');
}

async function accepts(name: string, secret: string): Promise<boolean> {
  return hasher.verify(secret, await hashOf(name));
}

async function expectSecret(name: string, secret: string): Promise<void> {
  expect(await accepts(name, secret)).toBe(true);
}

async function expiryOf(name: string): Promise<string | undefined> {
  return (await world.cluster('c-one').clusterAuthToken(name)).expiresAt;
}

async function expectRefused(refused: Readonly<Record<string, number>>): Promise<void> {
  await eventually(async () =>
    expect((await world.propagation('c-one')).status.refused ?? {}).toEqual(refused),
  );
}

/** Reasons of the Events about a token, in the order in which they were made. */
async function eventsOf(name: string): Promise<readonly string[]> {
  const events = (await world.events()).filter(({ involvedObject }) => involvedObject.name === name);
  return [...events]
    .sort((a, b) => Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion))
    .map(({ reason }) => reason);
}

function secondsAfter(token: Any, ms: number): string {
  const at = Date.parse(token.metadata.creationTimestamp) + ms;
  return `${new Date(at).toISOString().slice(0, 19)}Z`;
}

/** When a ClusterAuthToken's first write of that verb was: its end for a create, its begin for a delete. */
function auditTime(cluster: string, verb: 'create' | 'delete', name: string): Promise<number> {
  return eventually(async () => {
    const text = await readFile(`${world.cluster(cluster).plane.dir}/audit.log`, 'utf8');
    const lines = text
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
    const line = lines.find(
      ({ verb: seen, objectRef }) =>
        seen === verb && objectRef?.resource === 'clusterauthtokens' && objectRef.name === name,
    );
    expect(line).toBeDefined();
    return Date.parse(verb === 'create' ? line.stageTimestamp : line.requestReceivedTimestamp);
  });
}
