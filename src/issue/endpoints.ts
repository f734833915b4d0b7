import { isIPv6 } from 'node:net';
import type { Cluster } from '../api/types.ts';
import { type Authority, authorityOf } from './authority.ts';
import type { ControlPlaneNode } from './control-plane-node.ts';

/** One way to a cluster's API server: a cluster entry and a context of a kubeconfig. */
export interface Endpoint {
  /** Unique in its file. */
  readonly name: string;
  readonly server: string;
  readonly authority: Authority;
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

const KUBERNETES_PORT = 6443;

/** Name of a cluster in kubeconfigs: what people call it, with its id where two are called the same. */
export function clusterLabel({ cluster, isNameShared }: EndpointSources): string {
  return isNameShared ? `${cluster.displayName}-${cluster.name}` : cluster.displayName;
}

/** Every way to a cluster, as Rancher lists them: the proxy first, then the authorized endpoint or the nodes. */
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
  if (cluster.fqdn !== '') return [fqdnEndpoint(sources)];
  const label = clusterLabel(sources);
  const named = nodes.map((node) => ({ node, name: `${label}-${shortHostname(node.hostname, label)}` }));
  return named.map(({ node, name }) => ({
    // Two hosts of one name made files that no kubectl would load; Rancher's own names for them differ.
    name: named.filter((other) => other.name === name).length > 1 ? `${name}-${node.name}` : name,
    server: `https://${isIPv6(node.address) ? `[${node.address}]` : node.address}:${KUBERNETES_PORT}`,
    authority: nodeAuthority(cluster.caCert, nowMs),
    authoritySource: 'status.caCert',
    via: 'ace',
    ready: node.ready,
  }));
}

function fqdnEndpoint(sources: EndpointSources): Endpoint {
  const { cluster, nowMs } = sources;
  return {
    name: `${clusterLabel(sources)}-fqdn`,
    server: `https://${cluster.fqdn}`,
    authority: authorityOf(cluster.fqdnCaPem, nowMs),
    authoritySource: 'spec.localClusterAuthEndpoint.caCerts',
    via: 'ace',
    ready: true,
  };
}

/** No public authority vouches for the address of a node. */
function nodeAuthority(caCert: string, nowMs: number): Authority {
  const authority = authorityOf(caCert, nowMs);
  return authority.kind === 'system' ? { kind: 'unusable', message: 'is empty' } : authority;
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
