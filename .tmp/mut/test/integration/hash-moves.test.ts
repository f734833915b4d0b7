import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTER_PROPAGATIONS, SECRETS } from '../../src/api/names.ts';
import * as sha3 from '../../src/hash/sha3-512.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { type RancherProxy, startRancherProxy } from '../support/rancher-proxy.ts';
import { rawCat } from '../support/webhook-rig.ts';
import { type Downstream, startWorld, type World } from '../support/world.ts';

/** An authenticator that hears of one kind later than of the other, and somebody who asks it all the time while hashes are moved. */

const NAMES = Array.from({ length: 12 }, (_, index) => `token-${index}`);
const LATE_MS = 1_500;
let world: World;
let cluster: Downstream;
let proxy: RancherProxy;
let authenticator: AuthenticatorProcess;
let port: number;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  cluster = world.cluster('c-one');
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a']);
  for (const name of NAMES) await world.createToken(name, 'c-one', 'u-ada');
  await world.startOperator(['--hash-algorithm', 'sha3-512']);
  await world.waitSynced('c-one', `${NAMES.length}/${NAMES.length}`);
  proxy = await startRancherProxy(new Map([['c-one', cluster.plane]]));
  const kubeconfig = join(await mkdtemp(join(tmpdir(), 'ace-moves-')), 'config');
  await writeFile(kubeconfig, proxy.kubeconfig('c-one'));
  port = await freePort();
  authenticator = await startAuthenticator(kubeconfig, port);
}, 180_000);
afterAll(async () => {
  await authenticator?.stop();
  await proxy?.close();
  await world?.close();
});

async function isLetIn(name: string): Promise<boolean> {
  const spec = { token: `${name}:not-a-real-secret-of-${name}` };
  const body = JSON.stringify({ apiVersion: 'authentication.k8s.io/v1', kind: 'TokenReview', spec });
  const answer = await fetch(`http://127.0.0.1:${port}/v1/authenticate`, { method: 'POST', body });
  const text = await answer.text();
  return answer.ok && JSON.parse(text).status?.authenticated === true;
}

/** Who was refused meanwhile, and how often somebody was let in. */
async function whileAsking(
  change: () => Promise<void>,
): Promise<{ refused: readonly string[]; letIn: number }> {
  const refused: string[] = [];
  let letIn = 0;
  let isOver = false;
  const asking = (async () => {
    while (!isOver) {
      for (const name of NAMES) {
        if (await isLetIn(name)) letIn += 1;
        else refused.push(name);
      }
      await new Promise((done) => setTimeout(done, 20));
    }
  })();
  try {
    await change();
    // What the last write did arrives late, too.
    await new Promise((done) => setTimeout(done, LATE_MS + 500));
  } finally {
    isOver = true;
    await asking;
  }
  return { refused: [...new Set(refused)], letIn };
}

const stored = async (): Promise<readonly string[]> => {
  const tokens = await Promise.all(NAMES.map((name) => cluster.clusterAuthToken(name)));
  const secrets = await Promise.all(NAMES.map((name) => cluster.hashSecret(name)));
  return [
    ...tokens.filter((token) => token?.hash).map(() => 'inline'),
    ...secrets.filter((secret) => secret?.data?.hash).map(() => 'secret'),
  ];
};

describe('hashes are moved without a moment in which an authenticator would refuse', () => {
  test.each(['inline', 'secret', 'inline', 'secret'] as const)('to storage %s', async (storage) => {
    proxy.delayWatches(storage === 'inline' ? 'clusterauthtokens' : 'secrets', LATE_MS);
    await eventually(async () => expect(await isLetIn(NAMES[0] ?? '')).toBe(true));
    await new Promise((done) => setTimeout(done, 2_000));
    const before = await world.cluster('c-one').ours();
    const { refused, letIn } = await whileAsking(async () => {
      await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { hash: { storage } } });
      await eventually(async () => expect(await stored()).toEqual(NAMES.map(() => storage)), {
        timeoutMs: 60_000,
      });
    });
    expect(refused).toEqual([]);
    expect(letIn).toBeGreaterThan(100);
    expect(before.length).toBeGreaterThan(NAMES.length);
    await world.waitSynced('c-one', `${NAMES.length}/${NAMES.length}`);
  });

  test('legacy ones of another writer, too, when adoption takes them over', async () => {
    const [name = ''] = NAMES;
    proxy.delayWatches('secrets', LATE_MS);
    await world.stopOperator();
    await cluster.remove(SECRETS, name, 'cattle-system');
    await cluster.remove(CLUSTER_AUTH_TOKENS, name, 'cattle-system');
    const hash = sha3.hash(`not-a-real-secret-of-${name}`);
    await cluster.create(CLUSTER_AUTH_TOKENS, rawCat(name, { userName: 'u-ada', hash }));
    await eventually(async () => expect(await isLetIn(name)).toBe(true));
    const { refused } = await whileAsking(async () => {
      await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: true } });
      await world.startOperator(['--hash-algorithm', 'sha3-512']);
      await eventually(async () => expect(await stored()).toEqual(NAMES.map(() => 'secret')), {
        timeoutMs: 60_000,
      });
    });
    expect(refused).toEqual([]);
    const { data } = await cluster.hashSecret(name);
    expect(Buffer.from(data.hash, 'base64').toString()).toBe(hash);
  });
});
