import { isIPv6 } from 'node:net';
import type { Cluster } from '../../api/types.ts';
import { type ControlPlaneNode, KUBERNETES_PORT } from '../../plane/control-plane-node.ts';
import { endpointAddress, isServerAddress } from '../../plane/endpoint-address.ts';
import { isPrintable } from '../../print/printable.ts';
import { type Authority, authorityOf } from './authority.ts';

/** One way to a cluster's API server: a cluster entry and a context of a kubeconfig. */
export interface Endpoint {
  /** Unique in its file. */
  readonly name: string;
  readonly server: string;
  readonly authority: Authority;
  /** No port was typed, so that it is 443, which may not be meant. */
  readonly isDefaultPort?: boolean;
  /** `proxy`: through the management plane; `ace`: without it. */
  readonly via: 'proxy' | 'ace';
  readonly ready: boolean;
  /** The field that the authority was taken from, for people. */
  readonly authoritySource: string;
}

export interface EndpointSources {
  readonly cluster: Cluster;
  /** Another cluster has the same display name. */
  readonly isNameShared: boolean;
  /** Setting `server-url`; empty when there is none. */
  readonly serverUrl: string;
  /** Setting `cacerts`: PEM. */
  readonly serverCa: string;
  readonly nodes: readonly ControlPlaneNode[];
  readonly nowMs: number;
}

/**
 * Name of a cluster in kubeconfigs: what people call it, with its id where two are called the same; the id alone where
 * the name has characters that nobody could see or type.
 */
export function clusterLabel({ cluster, isNameShared }: EndpointSources): string {
  if (!isPrintable(cluster.displayName)) return cluster.name;
  return isNameShared ? `${cluster.displayName}-${cluster.name}` : cluster.displayName;
}

/** What is wrong with the address that was typed for the endpoint, if there is one. For people, still as it was found. */
export function fqdnProblem({ cluster }: EndpointSources): string | undefined {
  if (!cluster.aceEnabled || cluster.fqdn === '') return undefined;
  const address = endpointAddress(cluster.fqdn);
  return address.kind === 'address'
    ? undefined
    : `spec.localClusterAuthEndpoint.fqdn '${cluster.fqdn}' ${address.problem}`;
}

/** Nodes whose address can be none. For people, still as it was found. */
export function badAddresses({ cluster, nodes }: EndpointSources): readonly string[] {
  if (!cluster.aceEnabled || cluster.fqdn !== '') return [];
  return nodes
    .filter(({ address }) => !isServerAddress(hostOf(address)))
    .map(({ name, address }) => `address '${address}' of node ${name}`);
}

function hostOf(address: string): string {
  return isIPv6(address) ? `[${address}]` : address;
}

/**
 * Every way to a cluster, as Rancher lists them: the proxy first, then the authorized endpoint or the nodes. What
 * `badAddresses` names is left out.
 */
export function endpointsOf(sources: EndpointSources): readonly Endpoint[] {
  const found = [...proxyEndpoint(sources), ...aceEndpoints(sources)];
  const names = new Set<string>();
  return found.map((endpoint) => ({ ...endpoint, name: unique(endpoint.name, names) }));
}

function proxyEndpoint(sources: EndpointSources): readonly Endpoint[] {
  const { cluster, serverUrl, serverCa, nowMs } = sources;
  if (!URL.canParse(serverUrl)) return [];
  const { host } = new URL(serverUrl);
  if (host === '') return [];
  return [
    {
      name: clusterLabel(sources),
      server: `https://${host}/k8s/clusters/${cluster.name}`,
      authority: authorityOf(serverCa, nowMs),
      authoritySource: 'Setting cacerts',
      via: 'proxy',
      ready: true,
    },
  ];
}

function aceEndpoints(sources: EndpointSources): readonly Endpoint[] {
  const { cluster, nodes, nowMs } = sources;
  if (!cluster.aceEnabled) return [];
  if (cluster.fqdn !== '') return fqdnEndpoint(sources);
  const label = clusterLabel(sources);
  const named = nodes
    .filter(({ address }) => isServerAddress(hostOf(address)))
    .map((node) => ({ node, name: `${label}-${shortHostname(hostnameOf(node), label)}` }));
  return named.map(({ node, name }) => ({
    // Two hosts of one name made files that no kubectl would load; Rancher's own names for them differ.
    name: named.filter((other) => other.name === name).length > 1 ? `${name}-${node.name}` : name,
    server: `https://${hostOf(node.address)}:${KUBERNETES_PORT}`,
    authority: nodeAuthority(cluster.caCert, nowMs),
    authoritySource: 'status.caCert',
    via: 'ace',
    ready: node.ready,
  }));
}

function fqdnEndpoint(sources: EndpointSources): readonly Endpoint[] {
  const { cluster, nowMs } = sources;
  const address = endpointAddress(cluster.fqdn);
  if (address.kind !== 'address') return [];
  return [
    {
      name: `${clusterLabel(sources)}-fqdn`,
      server: `https://${address.host}`,
      isDefaultPort: !address.hasPort,
      authority: authorityOf(cluster.fqdnCaPem, nowMs),
      authoritySource: 'spec.localClusterAuthEndpoint.caCerts',
      via: 'ace',
      ready: true,
    },
  ];
}

/** No public authority vouches for the address of a node. */
function nodeAuthority(caCert: string, nowMs: number): Authority {
  const authority = authorityOf(caCert, nowMs);
  return authority.kind === 'system' ? { kind: 'unusable', message: 'is empty' } : authority;
}

function hostnameOf({ hostname, name }: ControlPlaneNode): string {
  return isPrintable(hostname) ? hostname : name;
}

function shortHostname(hostname: string, label: string): string {
  return hostname.startsWith(`${label}-`) ? hostname.slice(label.length + 1) : hostname;
}

function unique(name: string, taken: Set<string>): string {
  let candidate = name;
  for (let count = 2; taken.has(candidate); count += 1) candidate = `${name}-${count}`;
  taken.add(candidate);
  return candidate;
}
