import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  NAMESPACES,
  SECRETS,
} from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { type Downstream, NAMESPACE, startWorld, type World } from '../support/world.ts';

let world: World;
let cluster: Downstream;
beforeAll(async () => {
  world = await startWorld({ clusters: ['c-one'] });
  cluster = world.cluster('c-one');
  await world.createUser('u-1');
  await world.createToken('plain', 'c-one', 'u-1');
  await world.createTokens('t', 3, 'c-one', 'u-1');
  await world.register('c-one');
});
afterAll(() => world.close());

const hashOf = async (name: string): Promise<string> =>
  Buffer.from((await cluster.hashSecret(name))?.data.hash ?? '', 'base64').toString();

describe('what somebody takes away while the operator runs', () => {
  beforeEach(async () => {
    if (!world.operator) await world.startOperator();
    await world.waitSynced('c-one', '4/4');
  });

  test('a ClusterPropagation comes back with the spec that was in force', async () => {
    const spec = { hash: { algorithm: 'sha3-512' }, gc: { minDeletes: 5 } };
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { spec });
    await eventually(async () => expect(await hashOf('plain')).toMatch(/^\$3:/), { timeoutMs: 20_000 });
    const before = await world.propagation('c-one');
    await world.management.remove(CLUSTER_PROPAGATIONS, 'c-one');
    await eventually(async () => {
      const after = await world.propagation('c-one');
      expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
      expect(after?.spec).toMatchObject(spec);
    });
    await world.waitSynced('c-one', '4/4');
    expect(await hashOf('plain')).toMatch(/^\$3:/);
  });

  test('the namespace of the cluster’s objects is made again, and they are there again', async () => {
    const admin = cluster.plane.adminKubeconfig;
    const before = await cluster.get(NAMESPACES, NAMESPACE);
    await kubectl(admin, 'delete', 'namespace', NAMESPACE, '--wait=false');
    // What the namespace controller does, which does not run here.
    for (const resource of [CLUSTER_AUTH_TOKENS, SECRETS, CLUSTER_USER_ATTRIBUTES, CONFIG_MAPS]) {
      for (const { metadata } of await cluster.list(resource, NAMESPACE))
        await cluster.remove(resource, metadata.name, NAMESPACE);
    }
    const finalized = join(cluster.plane.dir, 'finalized.json');
    await writeFile(
      finalized,
      JSON.stringify({
        ...{ apiVersion: 'v1', kind: 'Namespace' },
        ...{ metadata: { name: NAMESPACE }, spec: { finalizers: [] } },
      }),
    );
    await kubectl(admin, 'replace', '--raw', `/api/v1/namespaces/${NAMESPACE}/finalize`, '-f', finalized);
    await eventually(
      async () => {
        const after = await cluster.get(NAMESPACES, NAMESPACE);
        expect(after).toBeDefined();
        expect(after?.metadata.uid).not.toBe(before?.metadata.uid);
      },
      { timeoutMs: 30_000 },
    );
    await eventually(async () => expect(await cluster.tokenNames()).toEqual(['plain', 't-0', 't-1', 't-2']), {
      timeoutMs: 60_000,
    });
  });
});

test('a status out of a backup, that says the cluster is drained, is not believed', async () => {
  await world.setAce('c-one', false);
  await world.waitCondition('c-one', 'Drained', { status: 'True' });
  const backup = (await world.propagation('c-one'))?.status;
  await world.setAce('c-one', true);
  await world.waitSynced('c-one', '4/4');
  await world.stopOperator();

  await world.setAce('c-one', false);
  for (const token of ['t-0', 't-1']) await world.deleteToken(token);
  await world.management.client.patch(
    { resource: CLUSTER_PROPAGATIONS, name: 'c-one' },
    { status: backup },
    { subresource: 'status' },
  );
  expect(await cluster.tokenNames()).toHaveLength(4);
  await world.startOperator();
  await eventually(async () => expect(await cluster.ours()).toEqual([]), { timeoutMs: 30_000 });
  await world.waitCondition('c-one', 'Drained', { status: 'True' });
});

test('a namespace of credentials that may not be read keeps no revocation waiting', async () => {
  await world.stopOperator();
  await world.setAce('c-one', true);
  const admin = world.management.plane.adminKubeconfig;
  await kubectl(admin, 'create', 'clusterrole', 'op-all', '--verb=*', `--resource=${EVERYTHING.join(',')}`);
  await kubectl(admin, 'create', 'clusterrolebinding', 'op-all', '--clusterrole=op-all', '--user=op');
  await kubectl(admin, '-n', 'ace-operator', 'create', 'role', 'op-own', '--verb=*', '--resource=secrets');
  await kubectl(admin, '-n', 'ace-operator', 'create', 'rolebinding', 'op-own', '--role=op-own', '--user=op');
  const kubeconfig = await world.management.plane.kubeconfigFor('op');
  const flags = [
    '--kubeconfig',
    kubeconfig,
    '--credential-namespaces',
    'fleet-default',
    '--leader-elect=true',
  ];
  const operator = await world.startOperator(flags);
  // That nobody may ask who the plane is, either, is waited for half a minute.
  await eventually(async () => expect(await cluster.tokenNames()).toContain('t-2'), { timeoutMs: 75_000 });
  await world.deleteToken('t-2');
  await eventually(async () => expect(await cluster.tokenNames()).not.toContain('t-2'), {
    timeoutMs: 20_000,
  });
  const { status, body } = await operator.http('/readyz?verbose');
  expect(status).toBe(200);
  expect(body).toMatch(/\[!] everything-read failed: secrets of fleet-default: .*403/);
  expect((await operator.http('/metrics')).body).toContain(
    'ace_management_unread{resource="secrets of fleet-default"} 1',
  );
});

const EVERYTHING = [
  'tokens.management.cattle.io',
  'users.management.cattle.io',
  'userattributes.management.cattle.io',
  'clusters.management.cattle.io',
  'settings.management.cattle.io',
  'clusterpropagations.ace-operator.io',
  'clusterpropagations.ace-operator.io/status',
  'leases.coordination.k8s.io',
  'events',
  'namespaces',
  'configmaps',
];
