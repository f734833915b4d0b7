import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTER_PROPAGATIONS, SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { rawHashSecret } from '../support/webhook-rig.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

/** Inline hashes beside a stand-in for kube-api-auth of 0.2.5 and later, which moves them into Secrets, as its sources say. */

const NAMES = ['token-a', 'token-b', 'token-c'];
let world: World;
let cluster: Downstream;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'], downstream: { audit: true } });
  cluster = world.cluster('c-one');
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a']);
  for (const name of NAMES) await world.createToken(name, 'c-one', 'u-ada');
  await world.startOperator(['--hash-algorithm', 'sha3-512', '--hash-storage', 'inline']);
  await world.waitSynced('c-one', '3/3');
}, 180_000);
afterAll(() => world?.close());

/** One log-in: the hash goes to a Secret, made or written over, the field is cleared, the use is noted. @returns whether there was a hash */
async function logIn(name: string): Promise<boolean> {
  const token: Any = await cluster.clusterAuthToken(name);
  if (!token?.enabled) return false;
  const address = { resource: CLUSTER_AUTH_TOKENS, name, namespace: NAMESPACE };
  if (token.hash) {
    const secret = rawHashSecret(name, token.hash);
    if (await cluster.hashSecret(name))
      await cluster.patch(SECRETS, name, { data: (secret as Any).data }, NAMESPACE);
    else await cluster.create(SECRETS, secret);
    await cluster.client.patch(address, { hash: '' });
  }
  const lastUsedAt = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  await cluster.client.patch(address, { lastUsedAt });
  return Boolean(token.hash) || Boolean((await cluster.hashSecret(name))?.data?.hash);
}

/** Requests by which the operator changed a token's objects. */
async function writes(): Promise<number> {
  const lines = await cluster.plane.auditLines();
  return lines.filter(
    ({ userAgent, verb, resource }) =>
      userAgent.startsWith('ace-operator/') &&
      ['create', 'update', 'patch', 'delete'].includes(verb) &&
      ['clusterauthtokens', 'secrets'].includes(resource),
  ).length;
}

const ownSecrets = async (): Promise<readonly string[]> =>
  (await cluster.ours()).filter((name) => name.startsWith('secret/'));

describe('beside one who moves inline hashes into Secrets', () => {
  test('what was moved is left where it is: log-ins cost the operator no write, and nobody is refused', async () => {
    const before = await writes();
    expect(before).toBeGreaterThan(0);
    const refused: string[] = [];
    for (let round = 0; round < 8; round += 1) {
      for (const name of NAMES) if (!(await logIn(name))) refused.push(name);
      await new Promise((done) => setTimeout(done, 300));
    }
    expect(refused).toEqual([]);
    await world.waitSynced('c-one', '3/3');
    expect((await writes()) - before).toBe(0);
    for (const name of NAMES) expect((await cluster.clusterAuthToken(name))?.hash ?? '').toBe('');
  });

  test('also after a restart, and it is said', async () => {
    await world.stopOperator();
    const before = await writes();
    await world.startOperator(['--hash-algorithm', 'sha3-512', '--hash-storage', 'inline']);
    await world.waitCondition('c-one', 'OtherWriter', { status: 'True', reason: 'OthersWrite' });
    expect((await world.condition('c-one', 'OtherWriter'))?.message).toMatch(
      /moved 3 inline hashes into Secrets/,
    );
    await world.waitSynced('c-one', '3/3');
    expect((await writes()) - before).toBe(0);
  });

  test('another secret of a token is written where it is read first, and the old one is of no use from then on', async () => {
    const [name = ''] = NAMES;
    const old = (await cluster.hashSecret(name))?.data.hash;
    await world.patchToken(name, { token: 'not-a-real-rotated-secret' });
    await eventually(async () => expect((await cluster.clusterAuthToken(name))?.hash).toMatch(/^\$3:/));
    expect(await logIn(name)).toBe(true);
    await world.waitSynced('c-one', '3/3');
    expect((await cluster.hashSecret(name))?.data.hash).not.toBe(old);
    expect((await cluster.clusterAuthToken(name))?.hash ?? '').toBe('');
  });

  test('a Secret that was moved and is deleted there is made up for', async () => {
    const [, name = ''] = NAMES;
    await cluster.remove(SECRETS, name, NAMESPACE);
    await world.stopOperator();
    await world.startOperator(['--hash-algorithm', 'sha3-512', '--hash-storage', 'inline']);
    await eventually(async () => expect((await cluster.clusterAuthToken(name))?.hash).toMatch(/^\$3:/));
    expect(await logIn(name)).toBe(true);
  });

  test('and storage secret takes over what was moved, also before the hash was written anew, and refuses nobody', async () => {
    const [, , again = ''] = NAMES;
    const moved = (await cluster.hashSecret(again))?.data.hash;
    await world.patchToken(again, { enabled: false });
    await eventually(async () => expect(await cluster.clusterAuthToken(again)).toBeUndefined());
    await world.patchToken(again, { enabled: true });
    await eventually(async () => expect((await cluster.clusterAuthToken(again))?.hash).toMatch(/^\$3:/));
    expect((await cluster.hashSecret(again))?.data.hash).toBe(moved);
    const hashes = async (): Promise<unknown[]> =>
      Promise.all(NAMES.map(async (name) => (await cluster.hashSecret(name))?.data.hash));
    const before = await hashes();
    const refused: string[] = [];
    let isOver = false;
    const loggingIn = (async () => {
      while (!isOver)
        for (const name of NAMES) if (name !== again && !(await logIn(name))) refused.push(name);
    })();
    const spec = { hash: { storage: 'secret' } };
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec });
    await eventually(async () => expect(await ownSecrets()).toHaveLength(3));
    await world.waitSynced('c-one', '3/3');
    isOver = true;
    await loggingIn;
    expect(refused).toEqual([]);
    expect(await hashes()).toEqual(before);
    expect(await logIn(again)).toBe(true);
    await world.deleteToken(NAMES[0] ?? '');
    await eventually(async () => expect(await cluster.hashSecret(NAMES[0] ?? '')).toBeUndefined());
  });
});
