import { NODES } from '../../api/names.ts';
import type { Cluster } from '../../api/types.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { readSetting } from '../make/management-rules.ts';
import { parseControlPlaneNode } from './control-plane-node.ts';
import type { EndpointSources } from './endpoints.ts';

/**
 * Reads all that a kubeconfig is made of. Changes nothing.
 *
 * @throws {ConnectionError} when something cannot be read: a file that lacks half its contexts would be wrong
 */
export async function readEndpointSources(
  cluster: Cluster,
  management: ManagementPlane,
  nowMs: number,
): Promise<EndpointSources> {
  const [serverUrl = '', serverCa = '', nodes, clusters] = await Promise.all([
    readSetting('server-url', management),
    readSetting('cacerts', management),
    readNodes(cluster, management),
    management.clusters(),
  ]);
  const isNameShared = needed(clusters).some(
    ({ name, displayName }) => name !== cluster.name && displayName === cluster.displayName,
  );
  return { cluster, isNameShared, serverUrl, serverCa, nodes, nowMs };
}

async function readNodes(cluster: Cluster, management: ManagementPlane): Promise<EndpointSources['nodes']> {
  if (!cluster.aceEnabled || cluster.fqdn !== '') return [];
  const nodes = await management.list(NODES, parseControlPlaneNode, { namespace: cluster.name });
  // Only Rancher keeps such objects.
  if (!nodes.ok && nodes.failure.reason === 'KindMissing') return [];
  return needed(nodes)
    .filter((node) => node !== undefined)
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}
