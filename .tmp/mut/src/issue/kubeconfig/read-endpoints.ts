import type { Cluster } from '../../api/types.ts';
import { controlPlaneNodes } from '../../plane/control-plane-node.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { readSetting } from '../make/management-rules.ts';
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
  return needed(await controlPlaneNodes(management, cluster.name));
}
