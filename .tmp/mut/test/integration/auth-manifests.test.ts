import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, CONFIG_MAPS, SECRETS } from '../../src/api/names.ts';
import { hash as sha3 } from '../../src/hash/sha3-512.ts';
import {
  type AuthenticatorProcess,
  startAuthenticator,
  webhookKubeconfig,
} from '../support/authenticator-process.ts';
import { bearerKubeconfig } from '../support/bearer-kubeconfig.ts';
import { type ControlPlane, startControlPlane } from '../support/control-plane.ts';
import { eventually } from '../support/eventually.ts';
import { apply, kubectl } from '../support/kubectl.ts';
import { lacks } from '../support/kubernetes-version.ts';
import { type Any, type PlaneClient, planeClient } from '../support/plane-client.ts';

const MANIFESTS = fileURLToPath(new URL('../../manifests/authenticator/', import.meta.url));
const WITHOUT_GAPS = fileURLToPath(new URL('../../manifests/authenticator-without-gaps/', import.meta.url));
const CRDS = fileURLToPath(new URL('../../crds/', import.meta.url));
const NAMESPACE = 'cattle-system';
/** Who the Pods of the DaemonSet are to the API server: the shipped RoleBinding itself is put to the test. */
const ACCOUNT = `system:serviceaccount:${NAMESPACE}:ace-authenticator`;
const GROUPS = ['system:serviceaccounts', `system:serviceaccounts:${NAMESPACE}`];
const SECRET = 'not-a-real-secret';

let plane: ControlPlane;
let admin: PlaneClient;
let port: number;

beforeAll(async () => {
  const webhook = await webhookKubeconfig();
  port = webhook.port;
  plane = await startControlPlane({ audit: true, tokenWebhook: { kubeconfig: webhook.path } });
  admin = await planeClient(plane);
  const files = ['clusterauthtokens', 'clusteruserattributes'].map(
    (plural) => `--filename=${CRDS}cluster.cattle.io_${plural}.yaml`,
  );
  await run('apply', ...files);
  await run('wait', '--for=condition=Established', 'crd', '--all', '--timeout=30s');
  await run('create', 'namespace', NAMESPACE);
  await run('apply', '-k', MANIFESTS);
});
afterAll(async () => {
  await admin?.close();
  await plane?.stop();
});

const run = (...args: readonly string[]) => kubectl(plane.adminKubeconfig, ...args);
const manifest = async (file: string): Promise<readonly Any[]> =>
  parseAllDocuments(await readFile(`${MANIFESTS}${file}`, 'utf8')).map((document) => document.toJS());

describe('manifests/authenticator', () => {
  test('is applied by kubectl -k, and a second time changes nothing', async () => {
    const lines = (await run('apply', '-k', MANIFESTS)).trim().split('\n');
    expect(lines).toHaveLength(4);
    for (const line of lines) expect(line).toMatch(/ unchanged$/);
  });

  test('has a Pod that the API server admits, with the image of the kustomization', async () => {
    await run('create', 'serviceaccount', 'default', '-n', NAMESPACE);
    await admitsPodOf('ace-authenticator');
  });

  test('finds control-plane nodes by each label in use, whatever its value', async () => {
    const [daemonSet] = await manifest('daemonset.yaml');
    const terms: readonly Any[] =
      daemonSet.spec.template.spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution
        .nodeSelectorTerms;
    const selected = (labels: Readonly<Record<string, string>>): boolean =>
      terms.some((term) =>
        term.matchExpressions.every(({ key, operator, values }: Any) =>
          operator === 'Exists' ? key in labels : !values.includes(labels[key]),
        ),
      );
    const linux = { 'kubernetes.io/os': 'linux' };
    for (const role of ['control-plane', 'controlplane']) {
      const label = `node-role.kubernetes.io/${role}`;
      expect(selected({ ...linux, [label]: '' }), label).toBe(true);
      expect(selected({ ...linux, [label]: 'true' }), label).toBe(true);
      expect(selected({ 'kubernetes.io/os': 'windows', [label]: 'true' }), label).toBe(false);
    }
    expect(selected({ ...linux, 'node-role.kubernetes.io/worker': 'true' })).toBe(false);
  });
});

describe('manifests/authenticator-without-gaps', () => {
  test.skipIf(lacks(25, 'maxSurge of DaemonSets'))(
    'gives each node two Pods that the API server admits, each with a state of its own',
    async () => {
      await run('apply', '-k', WITHOUT_GAPS);
      const names = ['ace-authenticator', 'ace-authenticator-2'];
      const specs = await Promise.all(names.map(admitsPodOf));
      const paths = specs.map(
        ({ volumes }) => volumes.find(({ name }: Any) => name === 'kept-state').hostPath.path,
      );
      expect(paths).toEqual(names.map((name) => `/var/lib/${name}`));
      for (const [index, spec] of specs.entries()) {
        const [{ args, startupProbe, livenessProbe, readinessProbe }] = spec.containers;
        expect(args).toEqual([
          'authenticator',
          `--metrics-listen=127.0.0.1:${6441 + index}`,
          '--snapshot-file=/var/lib/ace-authenticator/state',
          '--snapshot-key-file=/var/lib/ace-authenticator/key',
          '--ready-file=/run/ace/ready',
        ]);
        // A probe of the shared port would reach the other one.
        expect(livenessProbe.httpGet.port).toBe(6441 + index);
        expect(readinessProbe.httpGet.port).toBe(6441 + index);
        expect(startupProbe.exec.command.at(-1)).toContain('/run/ace/ready');
      }
    },
  );
});

/** Creates a Pod as the DaemonSet would, and removes it. @returns its spec */
async function admitsPodOf(daemonSet: string): Promise<Any> {
  const { spec } = JSON.parse(await run('get', 'daemonset', daemonSet, '-n', NAMESPACE, '-o', 'json'));
  expect(spec.template.spec.containers[0].image).toBe('ace-operator:latest');
  // Nobody issues tokens for service accounts here, and without one a Pod that wants it is not admitted.
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: daemonSet, namespace: NAMESPACE, labels: spec.template.metadata.labels },
    spec: { ...spec.template.spec, automountServiceAccountToken: false },
  };
  await apply(plane.adminKubeconfig, pod);
  const admitted = await admin.get(PODS, daemonSet, NAMESPACE);
  // What the admission made of the priority class; unknown fields would have been dropped by the server.
  expect(admitted.spec).toMatchObject({ ...pod.spec, priority: 2_000_001_000 });
  await run('delete', 'pod', daemonSet, '-n', NAMESPACE, '--grace-period=0', '--force');
  return spec.template.spec;
}

describe('the authenticator under its own Role', () => {
  let authenticator: AuthenticatorProcess;
  let own: PlaneClient;

  beforeAll(async () => {
    await apply(plane.adminKubeconfig, [
      // Groups of that age are due for a refresh, by the ConfigMap.
      downstream('ClusterUserAttribute', 'u-ada', {
        groups: ['group://devs'],
        enabled: true,
        lastRefresh: '2020-01-01T00:00:00Z',
      }),
      {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'auth-provider-refresh-debounce-seconds', namespace: NAMESPACE },
        data: { value: '300' },
      },
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'token-ada', namespace: NAMESPACE },
        stringData: { hash: sha3(SECRET) },
      },
      downstream('ClusterAuthToken', 'token-ada', { userName: 'u-ada', enabled: true }),
    ]);
    await run('create', 'clusterrolebinding', 'devs', '--clusterrole=cluster-admin', '--group=group://devs');
    const kubeconfig = await plane.kubeconfigFor(ACCOUNT, GROUPS);
    own = await planeClient({ adminKubeconfig: kubeconfig });
    authenticator = await startAuthenticator(kubeconfig, port);
  });
  afterAll(async () => {
    await authenticator?.stop();
    await own?.close();
  });

  test('lets a token in through the API server', async () => {
    const kubeconfig = await bearerKubeconfig(plane, `token-ada:${SECRET}`);
    expect(await kubectl(kubeconfig, 'get', 'namespaces', '-o', 'name')).toContain('namespace/default');
  });

  test('follows a change at once: its watches are allowed, too', async () => {
    await admin.patch(CLUSTER_AUTH_TOKENS, 'token-ada', { enabled: false }, NAMESPACE);
    await eventually(async () => expect(await review()).toMatchObject({ error: 'TokenDisabled' }));
    await admin.patch(CLUSTER_AUTH_TOKENS, 'token-ada', { enabled: true }, NAMESPACE);
    await eventually(async () => expect(await review()).toMatchObject({ authenticated: true }));
  });

  test.each([
    ['read a Secret by name', () => own.get(SECRETS, 'token-ada', NAMESPACE)],
    ['list Secrets of kube-system', () => own.list(SECRETS, 'kube-system')],
    ['list Secrets of all namespaces', () => own.list(SECRETS)],
    ['change a Secret', () => own.patch(SECRETS, 'token-ada', { data: null }, NAMESPACE)],
    ['read other ConfigMaps', () => own.list(CONFIG_MAPS, NAMESPACE)],
    [
      'create a ClusterAuthToken',
      () => own.create(CLUSTER_AUTH_TOKENS, downstream('ClusterAuthToken', 'token-eve', {})),
    ],
    [
      'delete a ClusterAuthToken',
      () =>
        own.client.delete(
          { resource: CLUSTER_AUTH_TOKENS, namespace: NAMESPACE, name: 'token-ada' },
          { uid: 'any' },
        ),
    ],
    ['list ClusterAuthTokens elsewhere', () => own.list(CLUSTER_AUTH_TOKENS, 'default')],
    [
      'create a ClusterUserAttribute',
      () => own.create(CLUSTER_USER_ATTRIBUTES, downstream('ClusterUserAttribute', 'u-eve', {})),
    ],
  ])('may not %s', async (_what, attempt) => {
    await expect(attempt()).rejects.toMatchObject({ code: 403 });
  });

  test('writes what it noted before it ends on SIGTERM', async () => {
    const beforeMs = Math.floor(Date.now() / 1000) * 1000;
    expect(await review()).toMatchObject({ authenticated: true });
    expect(await authenticator.stop()).toBe(0);
    const token = await admin.get(CLUSTER_AUTH_TOKENS, 'token-ada', NAMESPACE);
    expect(Date.parse(token.lastUsedAt)).toBeGreaterThanOrEqual(beforeMs);
    const user = await admin.get(CLUSTER_USER_ATTRIBUTES, 'u-ada', NAMESPACE);
    expect(user.needsRefresh).toBe(true);
  });

  test('was never forbidden anything, and used each verb that it has', async () => {
    // The audit line of a watch comes when it has ended.
    await eventually(async () => expect([...(await used())].sort()).toEqual([...(await granted())].sort()));
    const forbidden = (await requests()).filter(({ code }) => code === 403);
    expect(forbidden).toEqual([]);
    const complaints = authenticator.logs().filter(({ level }) => level !== 'info');
    expect(complaints).toEqual([]);
  });

  const review = async (): Promise<Any> => {
    const body = {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenReview',
      spec: { token: `token-ada:${SECRET}` },
    };
    const answer = await authenticator.http('/v1/authenticate', {
      method: 'POST',
      body: JSON.stringify(body),
    });
    return JSON.parse(answer.body).status;
  };
  const requests = async () =>
    (await plane.auditLines()).filter(({ userAgent }) => userAgent.startsWith('ace-authenticator'));
  const used = async () => new Set((await requests()).map(({ verb, resource }) => `${verb} ${resource}`));
  const granted = async () => {
    const [role] = await manifest('role.yaml');
    return new Set(
      role.rules.flatMap(({ resources, verbs }: Any) =>
        resources.flatMap((resource: string) => verbs.map((verb: string) => `${verb} ${resource}`)),
      ),
    );
  };
});

const PODS = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

function downstream(kind: string, name: string, fields: object): object {
  return { apiVersion: 'cluster.cattle.io/v3', kind, metadata: { name, namespace: NAMESPACE }, ...fields };
}
