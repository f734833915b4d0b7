import { isIPv6 } from 'node:net';
import { proxiedCluster } from '../api/parse-credentials.ts';
import type { Cluster, Token } from '../api/types.ts';
import { findCredentials } from '../clusters/credentials.ts';
import type { Ways } from '../clusters/ways.ts';
import { type ControlPlaneNode, controlPlaneNodes, KUBERNETES_PORT } from '../plane/control-plane-node.ts';
import { endpointAddress } from '../plane/endpoint-address.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { known } from '../plane/reading.ts';
import type { Given, Target } from './evidence.ts';

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
    const found = management ? await clustersAt(given.server, management) : [];
    // One server may be known as several clusters: the token's own is meant then.
    const cluster = found.find((name) => name === token?.clusterName) ?? found[0];
    if (cluster) return { cluster, how: "it is the kubeconfig's" };
  }
  if (token?.clusterName) return { cluster: token.clusterName, how: 'the token is scoped to it' };
  return { cluster: undefined, how: 'no --cluster was given, and nothing else says which cluster is meant' };
}

/** Names of all clusters that are known to be reached there. */
export async function clustersAt(server: string, management: ManagementPlane): Promise<readonly string[]> {
  const { host } = new URL(server);
  const clusters = known(await management.clusters()) ?? [];
  const ways = known(await management.ways()) ?? { secrets: [], rancher: [] };
  const nodes = known(await controlPlaneNodes(management)) ?? [];
  const ofNodes = new Set(nodes.filter((node) => isNodes(node, host)).map(({ cluster }) => cluster));
  const matches = await Promise.all(
    clusters.map(
      async (cluster) =>
        ofNodes.has(cluster.name) ||
        isEndpoint(cluster.fqdn, host) ||
        sameHost(cluster.apiEndpoint, host) ||
        (await hostOf(cluster, ways)) === host,
    ),
  );
  return clusters.filter((_, index) => matches[index]).map(({ name }) => name);
}

/** Rancher's kubeconfigs name a cluster's nodes, where it has no name of its own. */
function isNodes({ addresses }: ControlPlaneNode, host: string): boolean {
  return addresses.some((address) =>
    sameHost(`${isIPv6(address) ? `[${address}]` : address}:${KUBERNETES_PORT}`, host),
  );
}

function isEndpoint(fqdn: string, host: string): boolean {
  const address = endpointAddress(fqdn);
  return address.kind === 'address' && sameHost(address.host, host);
}

function sameHost(address: string, host: string): boolean {
  if (address === '') return false;
  const url = address.includes('://') ? address : `https://${address}`;
  return URL.canParse(url) && new URL(url).host === host;
}

/** A Secret that cannot be used names no server; that is said where it matters. */
async function hostOf(cluster: Cluster, ways: Ways): Promise<string | undefined> {
  const credentials = findCredentials(cluster.name, cluster, ways);
  if (credentials.kind === 'missing') return undefined;
  return credentials.access().then(
    // Through a Rancher: its address is not the cluster's.
    ({ server }) => (proxiedCluster(server.href) === undefined ? server.host : undefined),
    () => undefined,
  );
}
