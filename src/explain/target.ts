import type { Cluster, CredentialsSecret, Token } from '../api/types.ts';
import { findCredentials } from '../clusters/credentials.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { known } from '../plane/reading.ts';
import { type Given, proxiedCluster, type Target } from './evidence.ts';

/**
 * Which cluster a token is to be judged against: the one that was named, else the one whose address the kubeconfig has,
 * else the one that the token is scoped to.
 */
export async function findTarget(
  asked: string | undefined,
  given: Given,
  token: Token | undefined,
  management: ManagementPlane | undefined,
): Promise<Target> {
  if (asked !== undefined) return { cluster: asked, how: 'asked for' };
  if (given.kind === 'kubeconfig') {
    const proxied = proxiedCluster(given.server);
    if (proxied)
      return { cluster: proxied, how: 'the address goes through the management plane, not to the cluster' };
    const cluster = management && (await clusterAt(given.server, management));
    if (cluster) return { cluster, how: "it is the kubeconfig's" };
  }
  if (token?.clusterName) return { cluster: token.clusterName, how: 'the token is scoped to it' };
  return { cluster: undefined, how: 'no --cluster was given, and nothing else says which cluster is meant' };
}

async function clusterAt(server: string, management: ManagementPlane): Promise<string | undefined> {
  const { host } = new URL(server);
  const clusters = known(await management.clusters()) ?? [];
  const named = clusters.find(({ fqdn, apiEndpoint }) => sameHost(fqdn, host) || sameHost(apiEndpoint, host));
  if (named) return named.name;
  const secrets = known(await management.credentialsSecrets()) ?? [];
  for (const cluster of clusters) {
    if ((await hostOf(cluster, secrets)) === host) return cluster.name;
  }
  return undefined;
}

function sameHost(address: string, host: string): boolean {
  if (address === '') return false;
  const url = address.includes('://') ? address : `https://${address}`;
  return URL.canParse(url) && new URL(url).host === host;
}

/** A Secret that cannot be used names no server; that is said where it matters. */
async function hostOf(cluster: Cluster, secrets: readonly CredentialsSecret[]): Promise<string | undefined> {
  const credentials = findCredentials(cluster.name, cluster, secrets);
  if (credentials.kind === 'missing') return undefined;
  return credentials.access().then(
    ({ server }) => server.host,
    () => undefined,
  );
}
