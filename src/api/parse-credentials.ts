import { z } from 'zod';
import { argoKubeconfig } from './argo-cluster.ts';
import { ANNOTATION_CREDENTIAL_RENEW, LABEL_CLUSTER } from './names.ts';
import { deepFreeze, parseMetadata, parseTime } from './parse-fields.ts';
import { readYaml } from './read-yaml.ts';
import type { Claim, CredentialsSecret } from './types.ts';

type Labels = Readonly<Record<string, string>>;
type Decode = (key: string) => string | undefined;

/** As Cluster API, and Rancher's provisioning with it, name the Secret of a cluster. */
export const KUBECONFIG_SUFFIX = '-kubeconfig';

const LABEL_PROVISIONED = 'cluster.x-k8s.io/cluster-name';
const LABEL_ARGO = 'argocd.argoproj.io/secret-type';
const LABEL_PROFILE = 'x-k8s.io/cluster-profile';
const LABEL_PROFILE_CONSUMER = 'x-k8s.io/cluster-inventory-consumer';
/** By this name a cluster manager knows the operator as a consumer of its ClusterProfiles. */
const CONSUMER = 'ace-operator';

/** A Secret that may say how to reach a cluster; anything else in it is dropped at once. */
export function parseCredentialsSecret(raw: unknown): CredentialsSecret {
  const meta = parseMetadata(raw);
  const labels = meta.labels ?? {};
  const data = ((raw as { data?: unknown }).data ?? {}) as Readonly<Record<string, unknown>>;
  const decode = (key: string): string | undefined => {
    const value = data[key];
    return typeof value === 'string' ? Buffer.from(value, 'base64').toString('utf8') : undefined;
  };
  const { claim, ...content } = bounded(
    meta.namespace === OPEN_NAMESPACE ? NOTHING : contentOf(labels, decode),
  );
  const credential = decode('credential');
  return deepFreeze({
    name: meta.name,
    namespace: meta.namespace,
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    createdAtMs: parseTime(meta.creationTimestamp ?? '') ?? Number.POSITIVE_INFINITY,
    cluster: labels[LABEL_CLUSTER] ?? '',
    credential: credential !== undefined && credential.length > MAX_CREDENTIAL ? '' : credential,
    renews: meta.annotations?.[ANNOTATION_CREDENTIAL_RENEW] === 'true',
    ...content,
    claim: claim ?? rancherClaim(content.kubeconfig, labels[LABEL_PROVISIONED] ?? ''),
  });
}

/** Characters. Whoever may create Secrets where credentials are looked for must not be able to fill our memory by them. */
const MAX_KUBECONFIG = 512 * 1_024;
const MAX_CREDENTIAL = 64 * 1_024;

/**
 * In Rancher every standard user may create Secrets here: of what is in it, only the one that the status of a Cluster names is
 * taken, and of that only its credential.
 */
export const OPEN_NAMESPACE = 'cattle-global-data';
const NOTHING: Content = { kubeconfig: undefined, problem: undefined, claim: undefined };

function bounded(content: Content): Content {
  if ((content.kubeconfig?.length ?? 0) <= MAX_KUBECONFIG) return content;
  const problem = `its kubeconfig is longer than ${MAX_KUBECONFIG} characters`;
  return { ...content, kubeconfig: '', problem };
}

type Content = Pick<CredentialsSecret, 'kubeconfig' | 'problem' | 'claim'>;

function contentOf(labels: Labels, decode: Decode): Content {
  const plain = decode('kubeconfig') ?? decode('value');
  if (labels[LABEL_ARGO] === 'cluster') {
    const { name, ...content } = argoKubeconfig(decode);
    return { ...content, claim: name === '' ? undefined : { kind: 'Argo CD', cluster: name } };
  }
  const profile = labels[LABEL_PROFILE_CONSUMER] === CONSUMER ? labels[LABEL_PROFILE] : undefined;
  if (profile === undefined) return { kubeconfig: plain, problem: undefined, claim: undefined };
  return {
    kubeconfig: decode('Config') ?? plain,
    problem: undefined,
    claim: { kind: 'ClusterProfile', cluster: profile },
  };
}

/** Rancher's own address of a cluster; it goes through its proxy. */
const PROXY_PATH = /^\/k8s\/clusters\/([^/]+)/;

/** The cluster that a server's address names by way of a Rancher's proxy. @throws {TypeError} when it is no URL */
export function proxiedCluster(server: string): string | undefined {
  return PROXY_PATH.exec(new URL(server).pathname)?.[1];
}

/**
 * Which of its clusters a Rancher leads to by this kubeconfig: what its provisioning writes has the cluster's id in the address.
 *
 * @param provisioned - name of the provisioning cluster, as the Secret's label has it
 */
function rancherClaim(kubeconfig: string | undefined, provisioned: string): Claim | undefined {
  // Most kubeconfigs lead to no Rancher: they are not read twice.
  if (!kubeconfig?.includes('/k8s/clusters/')) return undefined;
  const entry = currentCluster(kubeconfig);
  if (!entry || !URL.canParse(entry.server)) return undefined;
  const cluster = proxiedCluster(entry.server);
  if (cluster === undefined) return undefined;
  const isDetour = Boolean(entry['proxy-url']);
  return { kind: 'Rancher provisioning', cluster, server: entry.server, provisioned, isDetour };
}

const kubeconfigShape = z.object({
  'current-context': z.string(),
  contexts: z.array(z.object({ name: z.string(), context: z.object({ cluster: z.string() }) })),
  clusters: z.array(
    z.object({
      name: z.string(),
      cluster: z.object({ server: z.string(), 'proxy-url': z.string().nullish() }),
    }),
  ),
});

/** What a kubeconfig says of the cluster of its current context; undefined when it is none. */
function currentCluster(
  text: string,
): { server: string; 'proxy-url'?: string | null | undefined } | undefined {
  let content: unknown;
  try {
    content = readYaml(text);
  } catch {
    // Whoever uses it says so; here it claims nothing.
    return undefined;
  }
  const parsed = kubeconfigShape.safeParse(content);
  if (!parsed.success) return undefined;
  const { contexts, clusters, 'current-context': current } = parsed.data;
  const wanted = contexts.find(({ name }) => name === current)?.context.cluster;
  return clusters.find(({ name }) => name === wanted)?.cluster;
}
