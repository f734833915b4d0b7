import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { parse, parseAllDocuments, stringify } from 'yaml';
import type { Resource } from '../../../src/api/names.ts';
import { findKubectl } from '../../support/binaries.ts';
import { eventually } from '../../support/eventually.ts';
import { apply, kubectl } from '../../support/kubectl.ts';
import { type Any, type PlaneClient, planeClient } from '../../support/plane-client.ts';
import { NAMESPACE, OWN_NAMESPACE } from '../../support/world.ts';
import type { BuiltImage } from './build-images.ts';
import { managementOf } from './management.ts';
import type { TestCluster, TestClusterOptions } from './provider.ts';
import { startTestCluster } from './start-cluster.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const CREDENTIAL = 'ace-operator-credential';
const PODS: Resource = { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true };

/** A real cluster with our images, and what tests do with it as its administrator. */
export interface Site extends PlaneClient {
  readonly cluster: TestCluster;
  admin(...args: readonly string[]): Promise<string>;
  apply(objects: readonly object[]): Promise<void>;
  /** What `kubectl apply -k` would send, of a version of ours, with only the image changed; for older servers see below. */
  shipped(directory: string, image: BuiltImage): Promise<readonly Any[]>;
  /** Pods by their `app.kubernetes.io/name`, those that are on their way out excepted. */
  pods(app: string, namespace: string): Promise<readonly Any[]>;
  /** Waits until every replica is of the latest description and ready. */
  rolledOut(workload: string, namespace: string): Promise<void>;
  /** SIGKILL to the process of a pod's only container, as the system does it when memory runs out. */
  killContainer(pod: Any): Promise<void>;
  /** Runs a program from the root of this checkout, as somebody whose kubectl is set to this cluster. */
  run(program: string, args: readonly string[], env?: Readonly<Record<string, string>>): Promise<string>;
  close(): Promise<void>;
}

export async function openSite(options: TestClusterOptions, images: readonly BuiltImage[]): Promise<Site> {
  const cluster = await startTestCluster(options);
  try {
    for (const { archive } of images) await cluster.loadImage(archive);
    return aSite(cluster, await planeClient({ adminKubeconfig: cluster.kubeconfig }));
  } catch (error) {
    await cluster.stop();
    throw error;
  }
}

function aSite(cluster: TestCluster, client: PlaneClient): Site {
  const admin = (...args: readonly string[]) => kubectl(cluster.kubeconfig, ...args);
  return {
    ...client,
    cluster,
    admin,
    async apply(objects) {
      await apply(cluster.kubeconfig, objects);
    },
    async shipped(directory, { name, checkout }) {
      const text = await admin('kustomize', join(checkout, 'manifests', directory));
      const objects = parseAllDocuments(text).map((document) => document.toJS() as Any);
      const knowsPolicy = await serves(cluster.kubeconfig, '/apis/policy/v1');
      for (const object of objects) {
        // Kubernetes 1.20 knows the disruption budget by its older name only; its fields are the same.
        if (object.apiVersion === 'policy/v1' && !knowsPolicy) object.apiVersion = 'policy/v1beta1';
        const { containers = [], initContainers = [] } = object.spec?.template?.spec ?? {};
        for (const container of [...containers, ...initContainers]) container.image = name;
      }
      return objects;
    },
    async pods(app, namespace) {
      const pods = await client.list(PODS, namespace);
      return pods.filter(
        ({ metadata }) =>
          metadata.labels?.['app.kubernetes.io/name'] === app && metadata.deletionTimestamp === undefined,
      );
    },
    async rolledOut(workload, namespace) {
      await admin('rollout', 'status', workload, '-n', namespace, '--timeout=120s');
    },
    async killContainer(pod) {
      const id = String(pod.status.containerStatuses[0].containerID).replace('containerd://', '');
      const kill = ['ctr', '-n', 'k8s.io', 'tasks', 'kill', '--signal', 'SIGKILL', id];
      await promisify(execFile)(...command(cluster.nodeCommand(...kill)));
    },
    async run(program, args, env = {}) {
      const PATH = `${dirname(findKubectl())}:${process.env['PATH']}`;
      // kubectl remembers below HOME what an API server of this address serves, and the next cluster has the same address.
      const own = { PATH, HOME: cluster.dir, KUBECONFIG: cluster.kubeconfig };
      const options = { cwd: ROOT, env: { ...process.env, ...own, ...env } };
      const { stdout } = await promisify(execFile)(program, [...args], options);
      return stdout;
    },
    async close() {
      await client.close();
      await cluster.stop();
    },
  };
}

/**
 * Prepares a cluster for the operator as docs say: namespace, the shipped Role, and a token of that ServiceAccount.
 *
 * @returns the kubeconfig to be handed to the operator
 */
export async function grantDownstreamAccess(site: Site, image: BuiltImage): Promise<string> {
  await site.apply([
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
    ...(await site.shipped('downstream-rbac', image)),
    {
      apiVersion: 'v1',
      kind: 'Secret',
      type: 'kubernetes.io/service-account-token',
      metadata: {
        name: CREDENTIAL,
        namespace: NAMESPACE,
        annotations: { 'kubernetes.io/service-account.name': 'ace-operator' },
      },
    },
  ]);
  const token = await eventually(
    async () => {
      const output = '-o=jsonpath={.data.token}';
      const data = await site.admin('get', 'secret', CREDENTIAL, '-n', NAMESPACE, output);
      if (data === '') throw new Error('there is no token in it');
      return Buffer.from(data, 'base64').toString();
    },
    { timeoutMs: 30_000, intervalMs: 100, what: 'the token of the downstream ServiceAccount' },
  );
  const config = parse(site.cluster.kubeconfigYaml());
  config.users[0].user = { token };
  return stringify(config);
}

/** Deploys the authenticator; it is ready when the operator has made the definitions. */
export async function deployAuthenticator(site: Site, image: BuiltImage): Promise<void> {
  await site.apply(await site.shipped('authenticator', image));
}

/**
 * Deploys everything into one cluster, which is management plane and downstream cluster at once: the definitions, the
 * operator with its own service account, the authenticator, all of one version.
 */
export async function deployAll(site: Site, id: string, image: BuiltImage): Promise<void> {
  await site.admin('apply', '-f', join(image.checkout, 'crds'));
  await site.apply(await site.shipped('operator', image));
  await managementOf(site).register(id, await grantDownstreamAccess(site, image));
  await deployAuthenticator(site, image);
  await site.rolledOut('deployment/ace-operator', OWN_NAMESPACE);
  await site.rolledOut('daemonset/ace-authenticator', NAMESPACE);
}

async function serves(kubeconfig: string, path: string): Promise<boolean> {
  return kubectl(kubeconfig, 'get', '--raw', path).then(
    () => true,
    () => false,
  );
}

function command([program, ...args]: readonly [string, ...string[]]): [string, string[]] {
  return [program, args];
}
