import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  NAMESPACES,
  REFRESH_DEBOUNCE,
  SETTINGS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../../src/api/names.ts';
import type { ControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { applyManifests } from '../support/manifests.ts';
import { startOperator } from '../support/operator-process.ts';
import { NAMESPACE, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

describe('the operator with no more rights than the shipped manifests give it', () => {
  let world: World;
  let upstream: string;
  let downstream: string;

  beforeAll(async () => {
    world = await startWorld({
      clusters: ['c-one'],
      management: { audit: true },
      downstream: { audit: true },
    });
    const { plane } = world.cluster('c-one');
    await world
      .cluster('c-one')
      .create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
    await applyManifests(world.management.plane.adminKubeconfig, 'operator');
    await applyManifests(plane.adminKubeconfig, 'downstream-rbac');
    upstream = await asServiceAccount(world.management.plane, OWN_NAMESPACE);
    downstream = await asServiceAccount(plane, NAMESPACE);
    await world.register('c-one', { credentials: false });
    await world.setCredentials('c-one', { kubeconfig: await readFile(downstream, 'utf8') });
    await world.startOperator(['--kubeconfig', upstream, '--leader-elect=true']);
  });
  afterAll(() => world.close());

  test('does its whole work, and nothing that it tries is forbidden', async () => {
    const cluster = world.cluster('c-one');
    await world.createUser('u-ada', {}, ['group://a']);
    await world.createToken('t-ada', 'c-one', 'u-ada');
    await world.createTokens('hashed', 3, 'c-one', 'u-ada');
    await world.waitSynced('c-one', '4/4');

    await cluster.patch(CLUSTER_AUTH_TOKENS, 't-ada', { enabled: false }, NAMESPACE);
    await eventually(async () =>
      expect(await cluster.clusterAuthToken('t-ada')).toMatchObject({ enabled: true }),
    );
    await reportUse(world);
    await world.setGroups('u-ada', ['group://b']);
    await world.management.patch(USERS, 'u-ada', { enabled: false });
    await eventually(async () =>
      expect(await cluster.clusterUserAttribute('u-ada')).toMatchObject({
        enabled: false,
        groups: ['group://b'],
      }),
    );
    await world.deleteToken('t-ada');
    await world.patchToken('hashed-0', { enabled: false });
    await eventually(async () => expect(await cluster.tokenNames()).toEqual(['hashed-1', 'hashed-2']));
    await world.setAce('c-one', false);
    await world.waitCondition('c-one', 'Drained', { status: 'True' });
    expect(await cluster.ours()).toEqual([]);

    expect(await forbidden(world.management.plane)).toEqual([]);
    expect(await forbidden(cluster.plane)).toEqual([]);
  });

  test('tells people by Events, where kubectl describe looks for them', async () => {
    const { adminKubeconfig } = world.management.plane;
    const described = (...object: string[]) => kubectl(adminKubeconfig, 'describe', ...object);

    await eventually(async () =>
      expect(await described(`${TOKENS.plural}.${TOKENS.group}`, 'hashed-1')).toMatch(
        /Normal +Propagated .* ace-operator +Token hashed-1 is usable in cluster c-one/,
      ),
    );
    expect(await described('cprop', 'c-one')).toMatch(/Normal +Drained /);
  });

  const REFUSED_UPSTREAM = {
    'read Secrets of other namespaces': ['get', 'secrets', '--namespace=kube-system'],
    'change a Token': ['delete', 'tokens.management.cattle.io', 'hashed-1'],
    'make a User': ['create', '--raw=/apis/management.cattle.io/v3/users', '--filename=/dev/null'],
    // In its own namespace it may: the way to a deleted cluster is kept there until the cluster is drained.
    'change a Secret of another namespace': ['label', 'secret', 'any', 'a=b', '-n=kube-system'],
    'delete a Secret of another namespace': ['delete', 'secret', 'any', '-n=kube-system'],
    "take another's Lease": ['get', 'lease', 'another', `-n=${OWN_NAMESPACE}`],
    'list all Leases': ['get', 'leases', `-n=${OWN_NAMESPACE}`],
    'list Pods of its own namespace': ['get', 'pods', `-n=${OWN_NAMESPACE}`],
    'delete a Cluster': ['delete', 'clusters.management.cattle.io', 'c-one'],
    'change the spec of a Cluster': ['label', 'clusters.management.cattle.io', 'c-one', 'a=b'],
    'make namespaces': ['create', 'namespace', 'another'],
    'read the permissions of others': ['get', 'clusterroles'],
  };
  for (const [what, args] of Object.entries(REFUSED_UPSTREAM)) {
    test(`may not ${what} in the management plane`, async () => {
      await expect(kubectl(upstream, ...args)).rejects.toThrow(/forbidden/i);
    });
  }

  const REFUSED_DOWNSTREAM = {
    'read Secrets of other namespaces': ['get', 'secrets', '--namespace=kube-system'],
    'list all namespaces': ['get', 'namespaces'],
    'read other ConfigMaps': ['get', 'configmap', 'another', `-n=${NAMESPACE}`],
    'list ConfigMaps': ['get', 'configmaps', `-n=${NAMESPACE}`],
    'list Pods': ['get', 'pods', `-n=${NAMESPACE}`],
    'impersonate anybody': ['get', 'secrets', `-n=${NAMESPACE}`, '--as=system:admin'],
    'change a definition': ['delete', 'crd', 'clusterauthtokens.cluster.cattle.io'],
    'grant itself more': [
      'create',
      'clusterrolebinding',
      'more',
      '--clusterrole=cluster-admin',
      '--user=ann',
    ],
  };
  for (const [what, args] of Object.entries(REFUSED_DOWNSTREAM)) {
    test(`may not ${what} in a downstream cluster`, async () => {
      await expect(kubectl(downstream, ...args)).rejects.toThrow(/forbidden/i);
    });
  }

  test('with shards is not ready before it may have their Leases, and says which Role is missing', async () => {
    const flags = ['--leader-elect=true', '--shards=4'];
    const replica = await startOperator(upstream, flags, { untilReady: false });
    try {
      await eventually(async () => {
        const { status, body } = await replica.http('/readyz');
        expect([status, body]).toEqual([503, expect.stringContaining('manifests/operator-shards')]);
      });
      await applyManifests(world.management.plane.adminKubeconfig, 'operator-shards');
      await eventually(async () => expect((await replica.http('/readyz')).status).toBe(200), {
        timeoutMs: 40_000,
      });
    } finally {
      await replica.stop();
    }
  });
});

/** What an authenticator writes; the operator carries it back, and a Setting down. */
async function reportUse(world: World): Promise<void> {
  const { management } = world;
  const cluster = world.cluster('c-one');
  await cluster.patch(CLUSTER_AUTH_TOKENS, 'hashed-1', { lastUsedAt: '2026-01-01T00:00:00Z' }, NAMESPACE);
  await cluster.patch(CLUSTER_USER_ATTRIBUTES, 'u-ada', { needsRefresh: true }, NAMESPACE);
  await management.create(SETTINGS, {
    apiVersion: 'management.cattle.io/v3',
    kind: 'Setting',
    metadata: { name: REFRESH_DEBOUNCE },
    value: '300',
  });
  await eventually(async () => {
    expect(await management.get(TOKENS, 'hashed-1')).toMatchObject({ lastUsedAt: '2026-01-01T00:00:00Z' });
    expect(await management.get(USER_ATTRIBUTES, 'u-ada')).toMatchObject({ NeedsRefresh: true });
    expect(await cluster.get(CONFIG_MAPS, REFRESH_DEBOUNCE, NAMESPACE)).toMatchObject({
      data: { value: '300' },
    });
  });
}

/** A certificate by the name under which RBAC knows the ServiceAccount of the manifests. */
function asServiceAccount(plane: ControlPlane, namespace: string): Promise<string> {
  return plane.kubeconfigFor(`system:serviceaccount:${namespace}:ace-operator`, [
    'system:serviceaccounts',
    `system:serviceaccounts:${namespace}`,
  ]);
}

/** What the operator asked for and was refused. */
async function forbidden(plane: ControlPlane): Promise<readonly string[]> {
  const lines = await plane.auditLines();
  expect(lines.some(({ userAgent, code }) => userAgent.startsWith('ace-operator/') && code === 200)).toBe(
    true,
  );
  return lines
    .filter(({ userAgent, code }) => userAgent.startsWith('ace-operator/') && code === 403)
    .map(({ verb, resource, namespace, name }) => `${verb} ${resource} ${namespace}/${name}`);
}
