import { createHash } from 'node:crypto';
import type { Cluster, CredentialsSecret } from '../api/types.ts';
import { ConfigError, describeError } from '../errors.ts';
import { type Access, bearerAccess, bearerKubeconfig, downstreamAccess } from '../kube/kubeconfig.ts';

/** Where the way to a cluster was found. `version` changes when what they say does: a new label is no new way. */
export type Credentials =
  | {
      readonly kind: 'found';
      readonly source: string;
      readonly version: string;
      readonly access: () => Promise<Access>;
      /** The same as the text of a kubeconfig, to be kept; undefined when there is none. */
      readonly kubeconfig: () => string | undefined;
      /** What was kept of credentials that are no more; see {@link keptCredentials}. */
      readonly isKept: boolean;
    }
  | { readonly kind: 'missing'; readonly message: string };

const SUFFIX = '-kubeconfig';

/** As Cluster API and Rancher provisioning name the Secret of a cluster. */
function conventionalName(cluster: string): string {
  return `${cluster}${SUFFIX}`;
}

/** Names of the Secrets that are a way to a cluster by their names alone. */
export function namesOfSecrets(cluster: string, object: Cluster | undefined): readonly string[] {
  const account = object?.serviceAccountTokenSecret ?? '';
  return account === '' ? [conventionalName(cluster)] : [conventionalName(cluster), account];
}

/**
 * Names of the clusters that a Secret may be, or may have been, the way to: by label, by name, or through the status of a
 * Cluster. The other side of {@link findCredentials}: what that finds is among them.
 */
export function clustersOfSecret(
  secret: Pick<CredentialsSecret, 'name' | 'cluster'>,
  clusters: Iterable<Cluster>,
): ReadonlySet<string> {
  const names = new Set<string>();
  if (secret.cluster !== '') names.add(secret.cluster);
  if (secret.name.endsWith(SUFFIX)) names.add(secret.name.slice(0, -SUFFIX.length));
  for (const { name, serviceAccountTokenSecret } of clusters) {
    if (serviceAccountTokenSecret === secret.name) names.add(name);
  }
  names.delete('');
  return names;
}

/**
 * How to reach a cluster, by the first that exists: a Secret labelled `ace-operator.io/cluster: <id>`; a
 * Secret `<id>-kubeconfig` as Cluster API and Rancher provisioning leave it; endpoint, CA and service-account
 * Secret from the Cluster's own status.
 *
 * @param secrets - of all credentials namespaces, own namespace first
 */
export function findCredentials(
  name: string,
  cluster: Cluster | undefined,
  secrets: readonly CredentialsSecret[],
): Credentials {
  const labelled = secrets.find((secret) => secret.cluster === name);
  if (labelled) return fromKubeconfig(labelled);
  const conventional = secrets.find(
    // The label of another cluster outweighs a name that happens to look like ours.
    (secret) => secret.name === conventionalName(name) && secret.cluster === '',
  );
  if (conventional) return fromKubeconfig(conventional);
  const account = secrets.find(
    (secret) =>
      cluster && secret.name === cluster.serviceAccountTokenSecret && secret.credential !== undefined,
  );
  if (account && cluster && cluster.apiEndpoint !== '' && cluster.caCert !== '')
    return fromStatus(cluster, account);
  return {
    kind: 'missing',
    message: `no Secret labelled ace-operator.io/cluster=${name}, none named ${conventionalName(name)}, and no usable status on the Cluster; create one of them`,
  };
}

/** What the operator kept of the credentials by which it reached a cluster, for when they go together with the Cluster. */
export function keptCredentials(secret: CredentialsSecret): Credentials {
  return { ...fromKubeconfig(secret), isKept: true };
}

function fromKubeconfig(secret: CredentialsSecret): Extract<Credentials, { kind: 'found' }> {
  const source = `Secret ${secret.namespace}/${secret.name}`;
  return {
    kind: 'found',
    source,
    version: digest(source, secret.kubeconfig ?? ''),
    access: async () => {
      if (secret.kubeconfig === undefined)
        throw new ConfigError(`${source} has neither data.kubeconfig nor data.value`);
      return named(source, downstreamAccess(secret.kubeconfig));
    },
    kubeconfig: () => secret.kubeconfig,
    isKept: false,
  };
}

function fromStatus(cluster: Cluster, account: CredentialsSecret): Credentials {
  const source = `status of Cluster ${cluster.name} and Secret ${account.namespace}/${account.name}`;
  const caPem = Buffer.from(cluster.caCert, 'base64').toString('utf8');
  return {
    kind: 'found',
    source,
    version: digest(source, cluster.apiEndpoint, cluster.caCert, account.credential ?? ''),
    access: () => named(source, bearerAccess(cluster.apiEndpoint, caPem, account.credential ?? '')),
    kubeconfig: () => bearerKubeconfig(cluster.apiEndpoint, caPem, account.credential ?? ''),
    isKept: false,
  };
}

/** Says whether two credentials are the same, and nothing about what they are. */
function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

async function named(source: string, access: Promise<Access>): Promise<Access> {
  try {
    return await access;
  } catch (error) {
    throw new ConfigError(`${source}: ${describeError(error)}`);
  }
}
