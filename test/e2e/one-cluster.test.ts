import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { manifests } from '../support/manifests.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../support/world.ts';
import { explainFailures } from './support/diagnostics.ts';
import { bearerOf, type Management, managementOf } from './support/management.ts';
import { deployAuthenticator, grantDownstreamAccess, openSite, type Site } from './support/site.ts';

/**
 * Everything as shipped: operator and authenticator in one cluster, which is management plane and downstream cluster at
 * once, the operator with its own service account.
 */
const CLUSTER = 'local';
const PATIENCE = { timeoutMs: 30_000, intervalMs: 100 };

const { current, previous } = inject('images');
let site: Site;
let management: Management;

beforeAll(async () => {
  const webhook = { kubeconfig: `${manifests('authenticator')}/webhook-kubeconfig.yaml`, cacheTtl: '1s' };
  site = await openSite({ tokenWebhook: webhook }, [current, previous]);
  management = managementOf(site);
});
afterAll(() => site?.close());
explainFailures(() => site);

/** kubectl as somebody who has nothing but a token of the management plane. */
async function kubectlWith(token: string, ...args: readonly string[]): Promise<string> {
  return kubectl(await bearerKubeconfig(site.cluster, bearerOf(token)), ...args);
}

describe('deployed as shipped', () => {
  test('make deploy: two replicas come up, with their own service account', async () => {
    await site.make('deploy', { IMAGE: 'ace-operator', TAG: 'e2e' });

    const pods = await site.pods('ace-operator', OWN_NAMESPACE);
    expect(pods.map(({ spec }) => spec.serviceAccountName)).toEqual(['ace-operator', 'ace-operator']);
    expect(pods.map(({ spec }) => spec.containers[0].image)).toEqual([current.name, current.name]);
  });

  test('the operator connects with the shipped downstream role, and calls the cluster synced', async () => {
    await management.register(CLUSTER, await grantDownstreamAccess(site, current));

    await eventually(() => site.admin('get', 'clusterpropagation', CLUSTER), PATIENCE);
    await site.admin('wait', 'clusterpropagation', CLUSTER, '--for=condition=Synced', '--timeout=60s');
  });

  test('the authenticator is ready on the control-plane node', async () => {
    await deployAuthenticator(site, current);
    await site.rolledOut('daemonset/ace-authenticator', NAMESPACE);

    expect(await site.pods('ace-authenticator', NAMESPACE)).toHaveLength(1);
  });

  test('a propagated token opens the API server for kubectl, with the rights of the groups and no more', async () => {
    await site.admin('create', 'namespace', 'team');
    await site.admin(
      'create',
      'rolebinding',
      'devs',
      '-n=team',
      '--clusterrole=view',
      '--group=github://devs',
    );
    await site.admin('create', 'configmap', 'hello', '-n=team');
    await management.createUser('u-ada', ['github://devs']);
    await management.issue('kubeconfig-ada', CLUSTER, 'u-ada');

    const seen = await eventually(
      () => kubectlWith('kubeconfig-ada', 'get', 'configmaps', '-n=team', '-o=name'),
      {
        ...PATIENCE,
        what: 'kubectl with the propagated token',
      },
    );

    expect(seen).toContain('configmap/hello');
    await expect(kubectlWith('kubeconfig-ada', 'get', 'secrets', '-n=team')).rejects.toThrow(
      /User "u-ada" cannot list/,
    );
    await expect(kubectlWith('kubeconfig-nobody', 'get', 'configmaps', '-n=team')).rejects.toThrow(
      /logged in/,
    );
  });
});
