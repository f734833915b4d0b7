import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS } from '../../src/api/names.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { whyNoGuard } from '../support/guard.ts';
import { apply, kubectl, kubectlSays } from '../support/kubectl.ts';
import { manifests, renderManifests } from '../support/manifests.ts';
import { type PlaneClient, planeClient } from '../support/plane-client.ts';

const CRDS = join(import.meta.dirname, '../../crds');
const DIRECTORIES = ['operator', 'downstream-rbac', 'authenticator'];
/** It needs a kubectl that takes a directory as a resource, as all since 1.21 do. */
const GUARD_DIRECTORIES = ['downstream-guard/account', 'downstream-guard', 'downstream-guard-audit'];

let plane: ControlPlane;
let client: PlaneClient;
const run = (...args: readonly string[]) => kubectl(plane.adminKubeconfig, ...args);
const says = (args: readonly string[], input?: string) => kubectlSays(plane.adminKubeconfig, args, input);

beforeAll(async () => {
  plane = await startControlPlane({ name: 'manners' });
  client = await planeClient(plane);
  await run('create', 'namespace', 'cattle-system');
});
afterAll(async () => {
  await client?.close();
  await plane?.stop();
});

describe('kubectl apply has nothing to complain of', () => {
  test.each(['', '--server-side'])('in crds/ %s', async (how) => {
    for (const file of readdirSync(CRDS).filter((name) => name.endsWith('.yaml'))) {
      const args = ['apply', ...(how ? [how] : []), '-f', join(CRDS, file)];
      expect(await says(args), file).toMatchObject({ stderr: '' });
    }
  });

  test.each(DIRECTORIES)('in manifests/%s, the first time and again', async (directory) => {
    const text = await renderManifests(plane.adminKubeconfig, directory);
    for (let time = 1; time <= 2; time += 1)
      expect(await says(['apply', '-f', '-'], text)).toMatchObject({ stderr: '' });
  });

  for (const directory of GUARD_DIRECTORIES) {
    test(`in manifests/${directory}`, async (context) => {
      const reason = await whyNoGuard(plane.adminKubeconfig);
      if (reason) return context.skip(reason);
      for (let time = 1; time <= 2; time += 1)
        expect(await says(['apply', '-k', manifests(directory)])).toMatchObject({ stderr: '' });
    });
  }
});

describe('our kinds', () => {
  const PROPAGATION = { apiVersion: 'ace-operator.io/v1alpha1', kind: 'ClusterPropagation' };

  beforeAll(async () => {
    await run('apply', '-f', CRDS);
    await run('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  });

  test("are listed together, and the management plane's are not among them", async () => {
    const derived = (kind: string, name: string) => ({
      apiVersion: 'cluster.cattle.io/v3',
      kind,
      metadata: { name, namespace: 'cattle-system' },
    });
    await apply(plane.adminKubeconfig, [
      { ...PROPAGATION, metadata: { name: 'c-1' } },
      derived('ClusterAuthToken', 't-1'),
      derived('ClusterUserAttribute', 'u-1'),
      { apiVersion: 'management.cattle.io/v3', kind: 'User', metadata: { name: 'u-2' } },
    ]);
    const listed = (await run('get', 'ace', '--all-namespaces', '-o', 'name')).trim().split('\n').sort();
    expect(listed).toEqual([
      'clusterauthtoken.cluster.cattle.io/t-1',
      'clusterpropagation.ace-operator.io/c-1',
      'clusteruserattribute.cluster.cattle.io/u-1',
    ]);
  });

  test('tell more with -o wide, and say so by columns of their own', async () => {
    const because = { reason: 'Syncing', message: '1 pending', lastTransitionTime: '2026-01-01T00:00:00Z' };
    const conditions = [
      { type: 'Ready', status: 'False', ...because },
      { type: 'Connected', status: 'True', ...because },
    ];
    await apply(plane.adminKubeconfig, { ...PROPAGATION, metadata: { name: 'c-2' } });
    const credentials = 'Secret ace-operator/c-2 (label)';
    const status = {
      conditions,
      tokens: '3/4',
      pending: 1,
      refused: { Expired: 2, Disabled: 1 },
      credentials,
      credentialsExpireTime: '2027-11-28T00:00:00Z',
    };
    // kubectl of that age patches no subresource.
    await client.client.patch(
      { resource: CLUSTER_PROPAGATIONS, name: 'c-2' },
      { status: { ...status, lastSyncTime: new Date().toISOString() } },
      { subresource: 'status' },
    );
    expect(await run('get', 'cprop', 'c-2', '-o', 'wide')).toMatch(
      /^NAME +READY +SYNCED +TOKENS +PENDING +REASON +AGE +CONNECTED +REFUSED +CREDENTIALS +CREDENTIALS EXPIRE +LAST SYNC +MESSAGE\nc-2 +False +3\/4 +1 +Syncing +\d+s +True +\{"Disabled":1,"Expired":2\} +Secret ace-operator\/c-2 \(label\) +2027-11-28T00:00:00Z +\d+s +1 pending\n$/,
    );
    expect(await run('get', 'cprop', 'c-2')).not.toContain('CONNECTED');
  });

  test('say that nobody has looked at them, until somebody has', async () => {
    await apply(plane.adminKubeconfig, { ...PROPAGATION, metadata: { name: 'c-new' } });
    const { status } = JSON.parse(await run('get', 'cprop', 'c-new', '-o', 'json'));
    expect(status).toEqual({ observedGeneration: -1 });
  });
});
