import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS, CLUSTERS, NAMESPACES, SECRETS, SETTINGS } from '../../src/api/names.ts';
import { aCli, type CliResult } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import type { Any } from '../support/plane-client.ts';
import { type Absence, type RancherProxy, startRancherProxy } from '../support/rancher-proxy.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

/** As Rancher's provisioning names a cluster, and as management knows it. */
const ID = 'c-m-dev12345';
const FLEET = 'fleet-default';
const WAY = 'Secret fleet-default/dev-kubeconfig (Rancher provisioning)';

const ROLE = fileURLToPath(
  new URL('../../manifests/operator-rancher-credentials/role.yaml', import.meta.url),
);

let world: World;
let rancher: RancherProxy;

beforeAll(async () => {
  world = await startWorld({ clusters: [ID] });
  const { management } = world;
  rancher = await startRancherProxy(new Map([[ID, world.cluster(ID).plane]]));
  await management.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: FLEET } });
  await management.create(SETTINGS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Setting',
    metadata: { name: 'server-url' },
    value: rancher.address,
  });
  await createCluster();
  await createSecret();
  await world.createUser('u-ada', {}, ['group://a']);
  await world.createTokens('token', 4, ID, 'u-ada');
  await startOperator();
  await world.waitSynced(ID, '4/4');
});
afterAll(async () => {
  await world.close();
  await rancher.close();
});

test('a cluster of Rancher\u2019s present provisioning is reached through Rancher, and its status says by what', async () => {
  const { status } = (await world.propagation(ID)) as Any;
  expect(status.credentials).toBe(WAY);
  expect(rancher.passedOn).toBeGreaterThan(0);
  expect(await world.cluster(ID).tokenNames()).toEqual(['token-0', 'token-1', 'token-2', 'token-3']);
});

test('the commands go the same way', async () => {
  const before = rancher.passedOn;
  const { stdout } = await cli('explain', 'token-0');
  expect(stdout).toContain('Secret fleet-default/dev-kubeconfig');
  expect(rancher.passedOn).toBeGreaterThan(before);
  const { stdout: table } = await cli('status', '-o', 'wide');
  expect(table).toContain(WAY);
});

test('the shipped Role lets the operator look at the Secrets of that namespace, and no more', async () => {
  const { adminKubeconfig } = world.management.plane;
  await kubectl(adminKubeconfig, 'apply', '-f', ROLE);
  const may = (verb: string): Promise<string> =>
    kubectl(
      adminKubeconfig,
      ...['auth', 'can-i', verb, 'secrets', '-n', FLEET],
      '--as=system:serviceaccount:ace-operator:ace-operator',
    ).catch(() => 'no');
  const answers = await Promise.all(['list', 'watch', 'create', 'patch', 'delete'].map(may));
  expect(answers.map((answer) => answer.trim())).toEqual(['yes', 'yes', 'no', 'no', 'no']);
});

describe('watches that Rancher ends', () => {
  for (const torn of [false, true]) {
    test(`every second and a half, ${torn ? 'torn' : 'in order'}, hide nothing and cost no connection`, async () => {
      rancher.endWatches({ ms: 1_500, torn });
      const ended = rancher.endedWatches;
      const name = `token-brief-${torn}`;
      await world.createToken(name, ID, 'u-ada');
      await world.waitSynced(ID, '5/5');
      await eventually(() => rancher.endedWatches > ended + 6, { timeoutMs: 30_000, what: 'watches to end' });
      // Somebody takes one away behind our back, between two watches or in one.
      await world.cluster(ID).remove(CLUSTER_AUTH_TOKENS, 'token-1', NAMESPACE);
      await eventually(() => world.cluster(ID).clusterAuthToken('token-1'), {
        timeoutMs: 30_000,
        what: 'what was taken away to be put back',
      });
      await world.deleteToken(name);
      await world.waitSynced(ID, '4/4');
      rancher.endWatches(undefined);
      expect(await world.cluster(ID).tokenNames()).not.toContain(name);
      expect(connections()).toBe(1);
    });
  }
});

describe('while the agent is away', () => {
  const absences: readonly Absence[] = [
    'unavailable',
    'not found',
    'not found, as a Status',
    'not found, as a page',
  ];
  for (const [index, absence] of absences.entries()) {
    test(`and Rancher says "${absence}", nothing is taken for gone, and all is done when it is back`, async () => {
      const before = await downstreamUids();
      rancher.setAway(absence);
      await world.waitCondition(ID, 'Connected', { status: 'False' });
      const [lost, gained] = [`token-lost-${index}`, `token-gained-${index}`];
      await world.createToken(gained, ID, 'u-ada');
      await world.createToken(lost, ID, 'u-ada');
      await world.deleteToken(lost);
      await world.deleteToken(`token-${index}`);
      await eventually(async () => expect(await revocationsPending()).toBeGreaterThan(0));
      // So long that a list, a sweep and several probes would have been tried.
      await new Promise((resolve) => setTimeout(resolve, 5_000));
      expect(await downstreamUids()).toEqual(before);
      expect((await world.condition(ID, 'Drained'))?.status).toBe('False');

      rancher.setAway(undefined);
      await world.waitSynced(ID, '4/4');
      const after = await downstreamUids();
      expect(after.has(gained)).toBe(true);
      expect(after.has(`token-${index}`)).toBe(false);
      for (const [name, uid] of after) if (name !== gained) expect(uid).toBe(before.get(name));
      expect(await revocationsPending()).toBe(0);
    });
  }

  test('a switch of ACE is carried out later, and is not said to be done before', async () => {
    const before = await downstreamUids();
    rancher.setAway('not found, as a page');
    await world.waitCondition(ID, 'Connected', { status: 'False' });
    await world.setAce(ID, false);
    await world.waitCondition(ID, 'Drained', { status: 'False', reason: 'Draining' });
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    expect((await world.condition(ID, 'Drained'))?.status).toBe('False');
    expect(await downstreamUids()).toEqual(before);
    rancher.setAway(undefined);
    await world.waitCondition(ID, 'Drained', { status: 'True' });
    expect(await world.cluster(ID).tokenNames()).toEqual([]);
  });

  test('that it was drained is not confirmed by what Rancher says instead of the cluster', async () => {
    await world.stopOperator();
    // As after a restore: something of ours is there again.
    const metadata = {
      name: 'token-restored',
      namespace: NAMESPACE,
      labels: { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': ID },
    };
    await world.cluster(ID).create(CLUSTER_AUTH_TOKENS, {
      apiVersion: 'cluster.cattle.io/v3',
      kind: 'ClusterAuthToken',
      metadata,
      userName: 'u-ada',
      enabled: true,
    });
    rancher.setAway('not found, as a page');
    await startOperator();
    await eventually(() => rancher.refused > 3, { timeoutMs: 30_000, what: 'Rancher to be asked' });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    rancher.setAway(undefined);
    await eventually(async () => (await world.cluster(ID).tokenNames()).length === 0, {
      timeoutMs: 60_000,
      what: 'what was restored to be taken away',
    });
    await world.setAce(ID, true);
    await world.waitSynced(ID, '4/4');
  });
});

describe('who says where Rancher is', () => {
  test('an address that is no more Rancher\u2019s by its Settings is not gone to, until it is again', async () => {
    await world.management.patch(SETTINGS, 'server-url', { value: 'https://rancher.example' });
    await world.waitCondition(ID, 'Connected', { status: 'False', reason: 'NoCredentials' });
    expect((await world.condition(ID, 'Connected'))?.message).toContain('server-url');
    expect((await world.propagation(ID))?.status.credentials ?? '').toBe('');
    await world.management.patch(SETTINGS, 'server-url', { value: rancher.address });
    await world.waitCondition(ID, 'Connected', { status: 'True' });
  });

  test('a Secret that claims this cluster beside Rancher\u2019s changes nothing', async () => {
    const before = connections();
    await createSecret('aaa', { 'cluster.x-k8s.io/cluster-name': 'aaa' });
    await world.createToken('token-beside', ID, 'u-ada');
    await world.waitSynced(ID, '5/5');
    expect((await world.propagation(ID))?.status.credentials).toBe(WAY);
    expect(connections()).toBe(before);
  });
});

test('a cluster that Rancher has removed is not said to be drained: what is there was not seen', async () => {
  const before = await downstreamUids();
  rancher.setAway('not found, as a Status');
  await world.management.remove(SECRETS, 'dev-kubeconfig', FLEET);
  await world.management.remove(SECRETS, 'aaa-kubeconfig', FLEET);
  await world.management.remove(CLUSTERS, ID);
  await world.waitCondition(ID, 'Drained', { status: 'False', reason: 'Draining' });
  await eventually(async () => (await world.propagation(ID))?.status.credentials, {
    timeoutMs: 30_000,
    what: 'the kept way to be in use',
  });
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  const { status } = (await world.propagation(ID)) as Any;
  expect(status.credentials).toBe(`Secret ${OWN_NAMESPACE}/ace-operator-way-${ID} (kept)`);
  expect(await downstreamUids()).toEqual(before);
  rancher.setAway(undefined);
  await eventually(async () => (await world.cluster(ID).tokenNames()).length === 0, {
    timeoutMs: 60_000,
    what: 'the cluster to be drained after all',
  });
});

async function startOperator(): Promise<void> {
  await world.startOperator(['--hash-algorithm', 'sha3-512', '--credential-namespaces', FLEET]);
}

async function createCluster(): Promise<void> {
  const annotations = {
    'objectset.rio.cattle.io/owner-name': 'dev',
    'objectset.rio.cattle.io/owner-namespace': FLEET,
  };
  await world.management.create(CLUSTERS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Cluster',
    metadata: { name: ID, annotations },
    spec: { displayName: 'dev', localClusterAuthEndpoint: { enabled: true } },
  });
}

/** As Rancher writes it for a provisioning cluster. */
async function createSecret(
  name = 'dev',
  labels: Readonly<Record<string, string>> = { 'cluster.x-k8s.io/cluster-name': name },
): Promise<void> {
  await world.management.create(SECRETS, {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: `${name}-kubeconfig`, namespace: FLEET, labels },
    data: { value: Buffer.from(rancher.kubeconfig(ID)).toString('base64') },
  });
}

/** Of all ClusterAuthTokens, by name; asked of the cluster itself, not through Rancher. */
async function downstreamUids(): Promise<ReadonlyMap<string, string>> {
  const objects = await world.cluster(ID).list(CLUSTER_AUTH_TOKENS, NAMESPACE);
  return new Map(objects.map(({ metadata }) => [metadata.name, metadata.uid]));
}

function connections(): number {
  return (world.operator?.logs() ?? []).filter(({ message }) => message === 'cluster connected').length;
}

const revocationsPending = async (): Promise<number | undefined> =>
  world.operator?.metric(`ace_revocations_pending{ace_cluster="${ID}"}`);

const cli = (...args: readonly string[]): Promise<CliResult> =>
  aCli({ KUBECONFIG: world.management.plane.adminKubeconfig }).run(...args, '--credential-namespaces', FLEET);
