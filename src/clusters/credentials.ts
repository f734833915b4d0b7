import type { Cluster, CredentialsSecret } from '../api/types.ts';
import { ConfigError, describeError } from '../errors.ts';
import { type Access, bearerAccess, bearerKubeconfig, downstreamAccess } from '../kube/kubeconfig.ts';

/** Where the way to a cluster was found. `version` changes when the credentials do. */
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
    (secret) => secret.name === `${name}-kubeconfig` && secret.cluster === '',
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
    message: `no Secret labelled ace-operator.io/cluster=${name}, none named ${name}-kubeconfig, and no usable status on the Cluster; create one of them`,
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
    version: `${secret.uid}/${secret.resourceVersion}`,
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
    version: `${cluster.apiEndpoint}/${cluster.caCert}/${account.uid}/${account.resourceVersion}`,
    access: () => named(source, bearerAccess(cluster.apiEndpoint, caPem, account.credential ?? '')),
    kubeconfig: () => bearerKubeconfig(cluster.apiEndpoint, caPem, account.credential ?? ''),
    isKept: false,
  };
}

async function named(source: string, access: Promise<Access>): Promise<Access> {
  try {
    return await access;
  } catch (error) {
    throw new ConfigError(`${source}: ${describeError(error)}`);
  }
}
