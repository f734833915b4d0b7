import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { CLUSTER_AUTH_TOKENS } from '../../src/api/names.ts';
import { bearerClient } from '../support/bearer-client.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { manifests } from '../support/manifests.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../support/world.ts';
import { constantLoad } from './support/constant-load.ts';
import { explainFailures } from './support/diagnostics.ts';
import { inventory } from './support/inventory.ts';
import { bearerOf, type Management, managementOf } from './support/management.ts';
import {
  deployAll,
  deployAuthenticator,
  grantDownstreamAccess,
  openSite,
  type Site,
} from './support/site.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * Everything as shipped: operator and authenticator in one cluster, which is management plane and downstream cluster at
 * once, the operator with its own service account.
 */
const CLUSTER = 'local';
const PATIENCE = { timeoutMs: 30_000, intervalMs: 100 };

const { current, previous } = inject('images');
let site: Site;
let management: Management;
let untouched: readonly string[];
const figures: Record<string, unknown> = {};

beforeAll(async () => {
  const webhook = { kubeconfig: `${manifests('authenticator')}/webhook-kubeconfig.yaml`, cacheTtl: '1s' };
  site = await openSite({ tokenWebhook: webhook }, [current, previous]);
  management = managementOf(site);
  untouched = await inventory(site);
});
afterAll(async () => {
  console.info(`one-cluster figures: ${JSON.stringify(figures)}`);
  await site?.close();
});
explainFailures(() => site && { site });

/** kubectl as somebody who has nothing but a token of the management plane. */
async function kubectlWith(token: string, ...args: readonly string[]): Promise<string> {
  return kubectl(await bearerKubeconfig(site.cluster, bearerOf(token)), ...args);
}

/** One request, on a connection of its own. */
async function statusWith(token: string): Promise<number> {
  const client = await bearerClient(site.cluster, bearerOf(token), 1);
  try {
    return await client.status();
  } finally {
    await client.close();
  }
}

/** For the API server's own memory of a token that it let in, ten seconds, and what propagation takes. */
const refused = (token: string) =>
  eventually(async () => expect(await statusWith(token)).toBe(401), { timeoutMs: 60_000, intervalMs: 200 });
const letIn = (token: string) =>
  eventually(async () => expect([200, 403]).toContain(await statusWith(token)), PATIENCE);

async function synced(): Promise<void> {
  await eventually(() => site.admin('get', 'clusterpropagation', CLUSTER), PATIENCE);
  await site.admin('wait', 'clusterpropagation', CLUSTER, '--for=condition=Synced', '--timeout=60s');
}

const imagesOf = async (app: string, namespace: string): Promise<readonly string[]> =>
  (await site.pods(app, namespace)).map(({ spec }) => spec.containers[0].image);

describe('deployed as shipped', () => {
  test('make deploy: two replicas come up, with their own service account', async () => {
    await site.run('make', ['deploy'], { IMAGE: 'ace-operator', TAG: 'e2e' });

    const pods = await site.pods('ace-operator', OWN_NAMESPACE);
    expect(pods.map(({ spec }) => spec.serviceAccountName)).toEqual(['ace-operator', 'ace-operator']);
    expect(pods.map(({ spec }) => spec.containers[0].image)).toEqual([current.name, current.name]);
  });

  test('Pod Security `restricted` is in force in its namespace: it lets our Pods in, and no other', async (context) => {
    const serverMinor = JSON.parse(await site.admin('version', '-o', 'json')).serverVersion.minor;
    if (Number.parseInt(serverMinor, 10) < 25) context.skip('Pod Security admission is there from 1.25 on');
    const bare = ['run', 'bare', `--image=${current.name}`, '-n', OWN_NAMESPACE];

    await expect(site.admin(...bare)).rejects.toThrow(/violates PodSecurity "restricted:/);
    expect(await site.pods('ace-operator', OWN_NAMESPACE)).toHaveLength(2);
  });

  test('the disruption budget counts both replicas, and lets one of them go', async () => {
    const budget = ['get', 'poddisruptionbudget', 'ace-operator', '-n', OWN_NAMESPACE, '-o', 'json'];

    await eventually(async () => {
      const { status } = JSON.parse(await site.admin(...budget));
      expect(status).toMatchObject({ expectedPods: 2, currentHealthy: 2, disruptionsAllowed: 1 });
    }, PATIENCE);
  });

  test('the operator connects with the shipped downstream role, and calls the cluster synced', async () => {
    await management.register(CLUSTER, await grantDownstreamAccess(site, current));

    await synced();
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

describe('undeployed', () => {
  test('make undeploy: the tokens no longer open the cluster, and nothing of the operator is left', async () => {
    await letIn('kubeconfig-ada');

    const startedMs = performance.now();
    await site.run('bash', ['-c', 'make undeploy CONTEXT="$(kubectl config current-context)"']);
    figures['make undeploy, ms'] = Math.round(performance.now() - startedMs);

    await refused('kubeconfig-ada');
    figures['refused after make undeploy began, ms'] = Math.round(performance.now() - startedMs);
    expect(await site.list(CLUSTER_AUTH_TOKENS, NAMESPACE)).toEqual([]);
    await eventually(async () => expect(operatorsOwn(await inventory(site))).toEqual([]), PATIENCE);
  });
});

describe('upgraded in place from the previous version', () => {
  const OLD = ['kubeconfig-old-0', 'kubeconfig-old-1', 'kubeconfig-old-2', 'kubeconfig-old-3'];
  let before: ReadonlyMap<string, string>;

  const uids = async (): Promise<ReadonlyMap<string, string>> =>
    new Map(
      (await site.list(CLUSTER_AUTH_TOKENS, NAMESPACE)).map(({ metadata }) => [metadata.name, metadata.uid]),
    );

  test(`the previous version works: ${previous.revision}`, async () => {
    await deployAll(site, CLUSTER, previous);
    for (const token of OLD) await management.issue(token, CLUSTER, 'u-ada');
    for (const token of OLD) await letIn(token);

    expect(new Set(await imagesOf('ace-operator', OWN_NAMESPACE))).toEqual(new Set([previous.name]));
    before = await uids();
    expect([...before.keys()]).toEqual(expect.arrayContaining(OLD));
  });

  test('make deploy and the new authenticator take over under load; no token is lost or replaced', async () => {
    const load = await constantLoad(site.cluster, OLD.map(bearerOf));
    try {
      await site.apply(await site.shipped('downstream-rbac', current));
      await site.run('make', ['deploy'], { IMAGE: 'ace-operator', TAG: 'e2e' });
      await deployAuthenticator(site, current);
      await site.rolledOut('daemonset/ace-authenticator', NAMESPACE);
    } finally {
      figures['upgrade under load'] = await load.stop();
    }

    expect(await imagesOf('ace-operator', OWN_NAMESPACE)).toEqual([current.name, current.name]);
    expect(await imagesOf('ace-authenticator', NAMESPACE)).toEqual([current.name]);
    await synced();
    expect(await uids()).toEqual(before);
    for (const token of OLD) await letIn(token);
  });

  test('a token that the previous version carried is revoked, and a new one is carried', async () => {
    await management.revoke('kubeconfig-old-0');
    await management.issue('kubeconfig-new', CLUSTER, 'u-ada');

    await letIn('kubeconfig-new');
    await refused('kubeconfig-old-0');
  });
});

describe('uninstalled by the lines of docs/uninstall.md', () => {
  test('the tokens no longer open the cluster, and nothing of the operator is left', async () => {
    await runDocumented('docs/uninstall.md');

    await refused('kubeconfig-new');
    expect(await site.list(CLUSTER_AUTH_TOKENS, NAMESPACE)).toEqual([]);
    await eventually(async () => expect(operatorsOwn(await inventory(site))).toEqual([]), PATIENCE);
  });

  test('without the authenticator and the downstream role, only what the page names stays', async () => {
    for (const directory of ['authenticator', 'downstream-rbac'])
      await site.admin('delete', '-k', manifests(directory));

    await eventually(async () => {
      const left = (await inventory(site)).filter((name) => !untouched.includes(name));
      expect(left.filter((name) => !STAYS.test(name) && !OF_THE_TEST.test(name))).toEqual([]);
    }, PATIENCE);
  });
});

/** As the page says: the namespace, two definitions, and the kinds and objects of the management plane. */
const STAYS =
  /^Namespace \/cattle-system$|^(CustomResourceDefinition|APIService) \S*(cluster|management)\.cattle\.io$|^(Cluster|Token|User|UserAttribute|Setting) \//;
const OF_THE_TEST = / team\/|^Namespace \/team$/;

/** Everything that the operator, its manifests and its definition brought. */
function operatorsOwn(names: readonly string[]): readonly string[] {
  const downstreamRole = /^(ServiceAccount|Role|RoleBinding|Secret) cattle-system\/|ace-operator-downstream$/;
  return names
    .filter((name) => !untouched.includes(name))
    .filter((name) => /ace-operator/.test(name) || /^(ClusterAuthToken|ClusterUserAttribute) /.test(name))
    .filter((name) => !downstreamRole.test(name));
}

/** Runs the first block of shell lines of a page, as a reader would. */
async function runDocumented(page: string): Promise<void> {
  const text = await readFile(`${ROOT}${page}`, 'utf8');
  const lines = /```sh\n(.*?)```/s.exec(text)?.[1] ?? '';
  expect(lines).toContain('kubectl delete -k manifests/operator');
  // Kubernetes 1.20 does not know one of the kinds under the name that is shipped, and kubectl then ends with an error.
  const file = `${site.cluster.dir}/operator.json`;
  await writeFile(
    file,
    JSON.stringify({ apiVersion: 'v1', kind: 'List', items: await site.shipped('operator', current) }),
  );
  const script = lines.replace('-k manifests/operator', `-f ${file}`);
  await site.run('bash', ['-euo', 'pipefail', '-c', script]);
}
