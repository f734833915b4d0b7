import type { ManagementPlane } from './management.ts';
import { known } from './reading.ts';

/** What to tell a person who named a cluster that is not there: people know clusters by their display names. */
export async function missingCluster(id: string, management: ManagementPlane): Promise<string> {
  const clusters = known(await management.clusters()) ?? [];
  const meant = clusters.filter(({ displayName }) => displayName === id).map(({ name }) => name);
  return meant.length === 0
    ? `there is no Cluster ${id}; see kubectl get clusters.management.cattle.io`
    : `there is no Cluster ${id}; that is the display name of ${meant.join(' and ')}`;
}
