import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTER_PROPAGATIONS, SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { whyNoGuard } from '../support/guard.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { NO_DELETES, NO_DELETES_BINDING } from '../support/no-deletes.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { type Downstream, NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const KEY = 'ace-operator-installation-key';
const NAMES = ['t-0', 't-1', 't-2', 't-3'];

let world: World;
let cluster: Downstream;
let proxy: TcpProxy;

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'], downstream: { audit: true } });
  cluster = world.cluster('c-one');
  proxy = await startTcpProxy(cluster.plane.url);
  await world.register('c-one', { server: proxy.url(cluster.plane.url) });
  await world.createUser('u-1', {}, ['g']);
  for (const name of NAMES) await world.createToken(name, 'c-one', 'u-1');
  await world.startOperator();
  await world.waitSynced('c-one', `${NAMES.length}/${NAMES.length}`);
});
afterAll(async () => {
  await world.close();
  await proxy.close();
});

/** The hashes of all tokens; undefined where one is not there. */
const hashes = (): Promise<readonly unknown[]> =>
  Promise.all(NAMES.map(async (name) => (await cluster.hashSecret(name))?.data.hash));
const keyIds = async (): Promise<ReadonlySet<string>> => {
  const secrets = await Promise.all(NAMES.map((name) => cluster.hashSecret(name)));
  return new Set(
    secrets.map((secret) => secret?.metadata.annotations['ace-operator.io/fingerprint'].split(':')[0]),
  );
};

describe('a good token keeps its hash', () => {
  test('when the installation key is deleted, whichever process comes next, also in a suspended cluster', async () => {
    const before = await hashes();
    const [oldId] = await keyIds();
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { suspend: true } });
    await world.stopOperator();
    await world.management.remove(SECRETS, KEY, OWN_NAMESPACE);
    // The first makes a new key, and may write nothing; the second finds it.
    for (let process = 0; process < 2; process += 1) {
      await world.startOperator();
      await world.waitCondition('c-one', 'Connected', { status: 'True' });
      await eventually(async () =>
        expect((await world.propagation('c-one'))?.status.pending).toBe(NAMES.length),
      );
      expect(await hashes()).toEqual(before);
      await world.stopOperator();
    }
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { suspend: false } });
    await world.startOperator();
    await world.waitSynced('c-one', `${NAMES.length}/${NAMES.length}`);
    expect(await hashes()).toEqual(before);
    const ids = await keyIds();
    expect([ids.size, ids.has(oldId ?? '')]).toEqual([1, false]);
  });

  test('and a running operator makes another key by itself', async () => {
    const uidOf = async (): Promise<unknown> =>
      (await world.management.get(SECRETS, KEY, OWN_NAMESPACE))?.metadata.uid;
    const before = await uidOf();
    await world.management.remove(SECRETS, KEY, OWN_NAMESPACE);
    await eventually(async () => {
      const now = await uidOf();
      expect(now !== undefined && now !== before).toBe(true);
    });
  });

  test('when its Token is made again with another UID', async () => {
    const before = await hashes();
    const [clusterAuthToken] = await Promise.all([cluster.clusterAuthToken('t-0')]);
    await world.stopOperator();
    await world.deleteToken('t-0');
    const { metadata } = await world.createToken('t-0', 'c-one', 'u-1');
    await world.startOperator();
    await eventually(async () => {
      const now = await cluster.clusterAuthToken('t-0');
      expect(now?.metadata.annotations['ace-operator.io/token-uid']).toBe(metadata.uid);
      expect(now?.metadata.uid).toBe(clusterAuthToken?.metadata.uid);
    });
    expect(await hashes()).toEqual(before);
    await world.waitSynced('c-one', `${NAMES.length}/${NAMES.length}`);
  });
});

describe('a revoked token', () => {
  test('that was revoked while its user was being written is never written', async () => {
    await world.createUser('u-2', {}, ['g']);
    proxy.blackhole();
    await world.createToken('t-late', 'c-one', 'u-2');
    // The request for the user is under way, and hangs.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await world.patchToken('t-late', { enabled: false });
    await new Promise((resolve) => setTimeout(resolve, 500));
    await proxy.heal();
    await eventually(async () =>
      expect((await world.propagation('c-one'))?.status.refused).toMatchObject({ Disabled: 1 }),
    );
    const lines = await cluster.plane.auditLines();
    const created = lines.filter((line) => JSON.stringify(line).includes('t-late') && line.verb === 'create');
    expect(created).toEqual([]);
  });

  test('whose Secret is immutable is let in by its old secret no more', async () => {
    await cluster.patch(SECRETS, 't-1', { immutable: true }, NAMESPACE);
    const before = await cluster.hashSecret('t-1');
    await world.patchToken('t-1', { token: 'not-a-real-rotated-secret' });
    await eventually(async () => {
      const now = await cluster.hashSecret('t-1');
      expect(now?.metadata.uid).toEqual(expect.any(String));
      expect(now?.metadata.uid).not.toBe(before?.metadata.uid);
      expect(now?.data.hash).not.toBe(before?.data.hash);
      expect(await cluster.clusterAuthToken('t-1')).toBeDefined();
    });
  });

  test('that somebody’s finalizer holds is switched off', async () => {
    const hold = (finalizers: readonly string[] | null): Promise<unknown> =>
      cluster.patch(CLUSTER_AUTH_TOKENS, 't-2', { metadata: { finalizers } }, NAMESPACE);
    await hold(['example.com/hold']);
    await world.deleteToken('t-2');
    await eventually(async () =>
      expect(await cluster.clusterAuthToken('t-2')).toMatchObject({
        enabled: false,
        metadata: { deletionTimestamp: expect.any(String) },
      }),
    );
    await hold(null);
    await eventually(async () => expect(await cluster.clusterAuthToken('t-2')).toBeUndefined());
  });

  test('whose removal is refused is switched off, and removed when it is no more', async ({ skip }) => {
    const admin = cluster.plane.adminKubeconfig;
    const reason = await whyNoGuard(admin);
    if (reason) skip(reason);
    await apply(admin, [NO_DELETES, NO_DELETES_BINDING]);
    await eventually(async () => {
      const tried = kubectl(admin, '-n', NAMESPACE, 'delete', 'clusterauthtokens', 't-3', '--dry-run=server');
      await expect(tried).rejects.toThrow('not now');
    });
    await world.deleteToken('t-3');
    await eventually(async () =>
      expect(await cluster.clusterAuthToken('t-3')).toMatchObject({ enabled: false }),
    );
    await eventually(async () => expect(await cluster.hashSecret('t-3')).toBeUndefined());
    await kubectl(admin, 'delete', 'validatingadmissionpolicybinding', 'no-deletes');
    await eventually(async () => expect(await cluster.clusterAuthToken('t-3')).toBeUndefined(), {
      timeoutMs: 30_000,
    });
  });
});
