import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ANNOTATION_TOKEN_HASHED,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  rancherFinalizer,
  SECRETS,
  TOKENS,
  USERS,
} from '../../src/api/names.ts';
import * as sha3 from '../../src/hash/sha3-512.ts';
import * as sha256 from '../../src/hash/sha256.ts';
import { aCli, type Cli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { expectDocument } from '../support/json-schema.ts';
import type { Any } from '../support/plane-client.ts';
import { rawCat, rawCua, rawHashSecret } from '../support/webhook-rig.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

/** A cluster into which Rancher's own controller carries tokens, in its order and with its marks; ours comes, and goes again. */

const NORMAN = { labels: { 'cattle.io/creator': 'norman' } };
const NAMES = ['kubeconfig-u-ada', 'token-x7k2p'];
let world: World;
let cluster: Downstream;
let cli: Cli;
const versions = async (): Promise<readonly string[]> => {
  const objects: Any[] = await Promise.all([
    ...NAMES.map((name) => cluster.clusterAuthToken(name)),
    ...NAMES.map((name) => cluster.hashSecret(name)),
    cluster.clusterUserAttribute('u-ada'),
  ]);
  return objects.map(
    ({ kind, metadata }) => `${kind} ${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`,
  );
};

beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  cluster = world.cluster('c-one');
  cli = aCli({ KUBECONFIG: world.management.plane.adminKubeconfig });
  await world.register('c-one');
  await world.createUser('u-ada', {}, ['group://a']);
  // The definitions downstream are there already, beside Rancher; here they are ours to make.
  await world.startOperator();
  await world.waitSynced('c-one', '0/0');
  await world.stopOperator();
  for (const name of NAMES) {
    await world.createToken(name, 'c-one', 'u-ada');
    await world.management.patch(TOKENS, name, { metadata: { finalizers: [rancherFinalizer('c-one')] } });
    await cluster.create(SECRETS, rawHashSecret(name, sha3.hash(`not-a-real-secret-of-${name}`)));
    const fields = { userName: 'u-ada', enabled: true, expiresAt: '', lastUsedAt: '2026-01-02T03:04:05Z' };
    await cluster.create(CLUSTER_AUTH_TOKENS, rawCat(name, fields, NORMAN));
  }
  const groups = { groups: ['group://a'], lastRefresh: '' };
  await cluster.create(CLUSTER_USER_ATTRIBUTES, rawCua('u-ada', groups, NORMAN));
  // As beside kube-api-auth, which verifies no bcrypt.
  await world.startOperator(['--hash-algorithm', 'sha3-512']);
}, 180_000);
afterAll(() => world?.close());

describe('beside Rancher’s own controller', () => {
  test('that it writes is found out and said, and nothing of it is touched', async () => {
    const before = await versions();
    await world.waitCondition('c-one', 'OtherWriter', { status: 'True', reason: 'RancherWrites' });
    expect((await world.condition('c-one', 'OtherWriter'))?.message).toMatch(
      /2 ClusterAuthTokens are not ours, 2 of them/,
    );
    await eventually(async () =>
      expect((await world.propagation('c-one'))?.status.refused).toMatchObject({ Conflict: 2 }),
    );
    expect((await world.propagation('c-one'))?.status.others).toEqual({
      adopt: 2,
      switchOff: 0,
      leave: 0,
      orphan: 0,
    });
    expect(await versions()).toEqual(before);
    const status = await cli.run('status', '--management-only');
    expect(status.stderr).toContain("cluster c-one: Rancher's own controller writes this cluster, too");
    const { stdout } = await cli.run('explain', NAMES[0] ?? '');
    expect(stdout).toContain("written by Rancher's own controller, so the operator leaves it alone");
  });

  test('a token that it leaves aside is let in by its ClusterUserAttribute, and never with more than the user has', async () => {
    const name = 'token-aside';
    const isThere = async (): Promise<boolean> =>
      (await cluster.clusterAuthToken(name)) !== undefined && (await cluster.hashSecret(name)) !== undefined;
    const becomes = (there: boolean): Promise<void> =>
      eventually(async () => expect(await isThere()).toBe(there));
    const before = await cluster.clusterUserAttribute('u-ada');
    // In a format that Rancher's controller skips.
    const hash = sha256.hash(`not-a-real-secret-of-${name}`);
    await world.createToken(name, 'c-one', 'u-ada', { token: hash }, { [ANNOTATION_TOKEN_HASHED]: 'true' });
    await becomes(true);
    expect(await cluster.clusterUserAttribute('u-ada')).toEqual(before);
    // Rancher is slow, or does not run: what it gives is more than the user has by now.
    await world.setGroups('u-ada', []);
    await becomes(false);
    await cluster.patch(CLUSTER_USER_ATTRIBUTES, 'u-ada', { groups: [] }, NAMESPACE);
    await becomes(true);
    await world.management.patch(USERS, 'u-ada', { enabled: false });
    await becomes(false);
    await world.management.patch(USERS, 'u-ada', { enabled: true });
    await becomes(true);
    await world.setGroups('u-ada', ['group://a']);
    await cluster.patch(CLUSTER_USER_ATTRIBUTES, 'u-ada', { groups: ['group://a'] }, NAMESPACE);
    await eventually(async () =>
      expect((await world.propagation('c-one'))?.status).toMatchObject({ synced: 1, failed: 0 }),
    );
    expect(await isThere()).toBe(true);
    await world.deleteToken(name);
    await becomes(false);
    expect((await cluster.clusterUserAttribute('u-ada'))?.metadata.uid).toBe(before?.metadata.uid);
  });

  test('adoption is shown object by object, and nothing is changed by looking', async () => {
    const { code, stdout } = await cli.run('adoption', 'c-one', '-o', 'json');
    expect(code).toBe(0);
    expectDocument('AdoptionItem', stdout);
    const { items } = JSON.parse(stdout);
    expect(items.map(({ object, plan }: Any) => `${object.name} ${plan}`).sort()).toEqual(
      NAMES.map((name) => `${name} adopt`).sort(),
    );
    expect((await cli.run('adoption')).stdout).toContain('adopt');
  });

  test('adoption takes it over without a moment in which a token would be refused, and keeps what matters', async () => {
    const uids = await Promise.all(
      NAMES.map(async (name) => (await cluster.clusterAuthToken(name))?.metadata.uid),
    );
    const hashes = await Promise.all(NAMES.map(async (name) => (await cluster.hashSecret(name))?.data.hash));
    const missing: string[] = [];
    let isOver = false;
    const watching = (async () => {
      while (!isOver) {
        for (const name of NAMES) {
          const [token, secret] = [await cluster.clusterAuthToken(name), await cluster.hashSecret(name)];
          if (token?.enabled !== true || !secret?.data?.hash) missing.push(name);
        }
      }
    })();
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: true } });
    await world.waitSynced('c-one', '2/2');
    isOver = true;
    await watching;
    expect(missing).toEqual([]);
    expect(await cluster.ours()).toHaveLength(5);
    const after = await Promise.all(NAMES.map((name) => cluster.clusterAuthToken(name)));
    expect(after.map((token) => token?.metadata.uid)).toEqual(uids);
    expect(after.map((token) => token?.lastUsedAt)).toEqual(NAMES.map(() => '2026-01-02T03:04:05Z'));
    expect(await Promise.all(NAMES.map(async (name) => (await cluster.hashSecret(name))?.data.hash))).toEqual(
      hashes,
    );
  });

  test('adoption that was switched off half-way keeps nobody out: our hash beside its ClusterAuthToken stays', async () => {
    const [, name = ''] = NAMES;
    const before = await cluster.hashSecret(name);
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: false } });
    await eventually(async () => {
      const { metadata, status } = (await world.propagation('c-one')) as Any;
      expect(status.observedGeneration).toBe(metadata.generation);
    });
    const labels = {
      'app.kubernetes.io/managed-by': null,
      'ace-operator.io/cluster': null,
      'ace-operator.io/installation': null,
    };
    const annotations = { 'ace-operator.io/token-uid': null, 'ace-operator.io/fingerprint': null };
    await cluster.patch(CLUSTER_AUTH_TOKENS, name, { metadata: { labels, annotations } }, NAMESPACE);
    await eventually(async () =>
      expect((await world.propagation('c-one'))?.status.refused).toMatchObject({ Conflict: 1 }),
    );
    expect((await cluster.hashSecret(name))?.data).toEqual(before?.data);
    expect((await cluster.hashSecret(name))?.metadata.uid).toBe(before?.metadata.uid);
    expect((await cluster.clusterAuthToken(name))?.enabled).toBe(true);
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: true } });
    await world.waitSynced('c-one', '2/2');
  });

  test('adoption switches off what stands for a revoked token, and lets it go on once it is good again', async () => {
    await world.createToken('token-off', 'c-one', 'u-ada', { enabled: false });
    await cluster.create(SECRETS, rawHashSecret('token-off', sha3.hash('not-a-real-secret-of-token-off')));
    const fields = { userName: 'u-ada', enabled: true, lastUsedAt: '2026-01-02T03:04:05Z' };
    const made = await cluster.create(CLUSTER_AUTH_TOKENS, rawCat('token-off', fields, NORMAN));
    await eventually(async () => expect((await cluster.clusterAuthToken('token-off'))?.enabled).toBe(false));
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: false } });
    await world.management.patch(TOKENS, 'token-off', { enabled: true });
    await eventually(async () => expect((await cluster.clusterAuthToken('token-off'))?.enabled).toBe(true));
    const after = await cluster.clusterAuthToken('token-off');
    expect(after).toMatchObject({ lastUsedAt: '2026-01-02T03:04:05Z', metadata: { uid: made.metadata.uid } });
    expect(after?.metadata.annotations ?? {}).toEqual({});
    await world.deleteToken('token-off');
    await cluster.remove(CLUSTER_AUTH_TOKENS, 'token-off', NAMESPACE);
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: true } });
    await world.waitSynced('c-one', '2/2');
  });

  test('and once Rancher has let go, nobody else writes', async () => {
    for (const name of NAMES) await world.management.patch(TOKENS, name, { metadata: { finalizers: null } });
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec: { adopt: false } });
    await world.waitCondition('c-one', 'OtherWriter', { status: 'False', reason: 'NoOtherWriter' });
    await world.deleteToken(NAMES[0] ?? '');
    await eventually(async () => expect(await cluster.clusterAuthToken(NAMES[0] ?? '')).toBeUndefined());
    expect(await cluster.get(CLUSTER_AUTH_TOKENS, NAMES[1] ?? '', NAMESPACE)).toBeDefined();
  });

  test('what Rancher left behind is listed, and goes on request alone', async () => {
    const orphan = async (name: string, metadata: Readonly<Record<string, unknown>>): Promise<void> => {
      await cluster.create(SECRETS, rawHashSecret(name, sha3.hash(`not-a-real-secret-of-${name}`)));
      await cluster.create(CLUSTER_AUTH_TOKENS, rawCat(name, { userName: 'u-ada' }, metadata));
    };
    await orphan('token-gone', NORMAN);
    await orphan('token-of-another', {});
    await cluster.create(SECRETS, rawHashSecret('token-alone', sha3.hash('not-a-real-secret-of-alone')));
    await cluster.create(SECRETS, {
      ...rawHashSecret('not-a-hash', 'x'),
      metadata: { name: 'not-a-hash', namespace: NAMESPACE },
    });
    const plan = async (): Promise<readonly string[]> => {
      const { stdout } = await cli.run('adoption', 'c-one', '-o', 'json');
      return JSON.parse(stdout)
        .items.map(
          ({ object, plan: step, removable }: Any) => `${object.kind} ${object.name} ${step} ${removable}`,
        )
        .sort();
    };
    const remove = (...more: string[]): ReturnType<Cli['run']> =>
      cli.run('adoption', 'c-one', '--remove-leftovers', ...more);
    const looked = await plan();
    expect(looked).toEqual([
      'ClusterAuthToken token-gone orphan true',
      'ClusterAuthToken token-of-another orphan false',
      'Secret token-alone leftover true',
      'Secret token-gone orphan true',
      // Of a pair whose ClusterAuthToken somebody deleted.
      'Secret token-off leftover true',
    ]);
    // Nobody is there who could answer.
    expect((await remove()).code).toBe(2);
    for (const mode of ['client', 'server']) {
      const { code, stdout } = await remove(`--dry-run=${mode}`);
      expect({ code, lines: stdout.trim().split('\n').length }).toEqual({ code: 0, lines: 4 });
    }
    expect(await plan()).toEqual(looked);
    const { code, stdout } = await remove('--yes', '-o', 'json');
    expect(code).toBe(0);
    expectDocument('Removed', stdout);
    expect(await plan()).toEqual(['ClusterAuthToken token-of-another orphan false']);
    expect(await cluster.hashSecret('token-of-another')).toBeDefined();
    expect(await cluster.hashSecret('not-a-hash')).toBeDefined();
    expect(await cluster.clusterAuthToken(NAMES[1] ?? '')).toBeDefined();
  });

  test('of a cluster whose endpoint is off, all of Rancher’s is left over', async () => {
    await world.management.patch(CLUSTERS, 'c-one', {
      spec: { localClusterAuthEndpoint: { enabled: false } },
    });
    await eventually(async () => expect(await cluster.ours()).toEqual([]));
    await cluster.create(CLUSTER_AUTH_TOKENS, rawCat('token-off', { userName: 'u-ada' }, NORMAN));
    await cluster.create(CLUSTER_USER_ATTRIBUTES, rawCua('u-left', {}, NORMAN));
    expect((await cli.run('adoption', 'c-one')).stdout).toContain('AceDisabled');
    expect((await cli.run('adoption', 'c-one', '--remove-leftovers', '--yes')).code).toBe(0);
    expect(await cluster.clusterAuthToken('token-off')).toBeUndefined();
    expect(await cluster.clusterUserAttribute('u-left')).toBeUndefined();
    expect(await cluster.clusterAuthToken('token-of-another')).toBeDefined();
  });
});
