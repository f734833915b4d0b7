import { installationOf } from '../operator/installation/installation.ts';
import { isRelevant } from '../operator/upstream/cluster-settings.ts';
import type { Management } from '../operator/upstream/management.ts';
import type { DownstreamPlane } from '../plane/downstream.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { needed } from '../plane/needed.ts';
import { planRemovals, type RemovalPlan, type Sides } from './plan.ts';
import { readDownstream } from './snapshot.ts';

/** The clusters that the operator looks after, by name. */
export function managedClusters(management: Management): readonly string[] {
  const names = new Set(
    [...management.clusters.list(), ...management.propagations.list()].map(({ name }) => name),
  );
  return [...names].filter((name) => isRelevant(name, management)).sort();
}

/**
 * Reads a cluster and plans what is to go there.
 *
 * @throws {ConnectionError} when either side cannot be read
 */
export async function readPlan(
  cluster: string,
  { management, plane, downstream, nowMs, latestMs }: PlanSources,
): Promise<RemovalPlan> {
  // A cluster that is merely not in a list is not gone.
  const isGone =
    management.clusters.get(cluster) === undefined && needed(await plane.cluster(cluster)) === undefined;
  const installation = installationOf(management, await plane.remembered.installationId());
  const snapshot = await readDownstream(cluster, downstream, installation);
  return planRemovals({ cluster, management, snapshot, nowMs, latestMs, isGone });
}

export interface PlanSources extends Pick<Sides, 'nowMs' | 'latestMs'> {
  readonly management: Management;
  readonly plane: ManagementPlane;
  readonly downstream: DownstreamPlane;
  /** Of clusters, in the management plane. */
  readonly readsCredentials: boolean;
}
