import type { Propagation } from '../../api/types.ts';
import type { AskConfig } from '../../config/ask.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { known, type Reading } from '../../plane/reading.ts';
import { isKnownBy, kubeSystemUid } from '../../plane/same-cluster.ts';
import { type Bounds, downstreamPlane, givenDownstream } from './connect.ts';

/** Where something may be that was written for a token which no longer says for which cluster it was. */
export interface PossibleClusters {
  /** Management ids, by name. */
  readonly ids: readonly string[];
  /** To which no way leads, and where the operator never was: it has written nothing there. */
  readonly unreached: readonly string[];
}

/** All that are or were our business, but for those of which everything was taken out. A failure when not all of them are known. */
export async function possibleClusters(
  management: ManagementPlane,
  config: AskConfig,
): Promise<Reading<PossibleClusters>> {
  const [clusters, propagations] = await Promise.all([management.clusters(), management.propagations()]);
  management.remembered.learn({ clusters, propagations });
  if (!clusters.ok) return clusters;
  if (!propagations.ok && propagations.failure.reason !== 'KindMissing') return propagations;
  const reported = new Map((known(propagations) ?? []).map((one) => [one.name, one]));
  const named = clusters.value.filter(({ aceEnabled }) => aceEnabled !== false).map(({ name }) => name);
  const kept = [...reported.values()].filter((one) => !isDrained(one)).map(({ name }) => name);
  const [ids, unreached]: [string[], string[]] = [[], []];
  for (const id of [...new Set([...named, ...kept])].sort()) {
    const isPossible = wasReached(reported.get(id)) || (await hasWay(id, management, config));
    (isPossible ? ids : unreached).push(id);
  }
  return { ok: true, value: { ids, unreached } };
}

function isDrained({ status: { conditions = [] } }: Propagation): boolean {
  return conditions.some(({ type, status }) => type === 'Drained' && status === 'True');
}

function wasReached(propagation: Propagation | undefined): boolean {
  const { clusterUID, lastSyncTime } = propagation?.status ?? {};
  return clusterUID !== undefined || lastSyncTime !== undefined;
}

/** Asks the cluster nothing. */
async function hasWay(id: string, management: ManagementPlane, config: AskConfig): Promise<boolean> {
  const opened = await downstreamPlane(id, management, config);
  if (opened.ok) await opened.value.close();
  return opened.ok || opened.failure.reason !== 'NoCredentials';
}

/**
 * The cluster that the kubeconfig of one leads to, where nothing else says which one is meant, by the UID of its namespace `kube-system`.
 *
 * @returns undefined where no ClusterPropagation names that UID, or one of the two cannot be read
 * @throws {ConfigError} when the file cannot be used
 */
export async function clusterOfFile(
  management: ManagementPlane,
  config: AskConfig,
  bounds: Bounds,
): Promise<string | undefined> {
  const plane = await givenDownstream(config.downstreamKubeconfig, config, '', bounds);
  const uid = plane && known(await kubeSystemUid(plane).finally(() => plane.close()));
  if (uid === undefined) return undefined;
  const propagations = known(await management.propagations()) ?? [];
  return propagations.find((one) => isKnownBy(one, uid))?.name;
}
