import { ANNOTATION_ACCEPT_CLUSTER, NAMESPACES } from '../api/names.ts';
import type { Propagation } from '../api/types.ts';
import { ConfigError } from '../errors.ts';
import type { DownstreamPlane } from './downstream.ts';
import type { Reading } from './reading.ts';

/**
 * Whether a kubeconfig that a person gave leads to the cluster that was meant, by the UID of namespace `kube-system`: the one thing
 * that another cluster cannot have. What is seen in another one would be told of the cluster that was meant.
 *
 * @param cluster - management id; undefined: nobody knows which cluster is meant
 * @param propagation - which says the UID, as the operator saw it; undefined: it was not asked for
 * @returns undefined when it does; else why that is not proven, in words
 * @throws {ConfigError} when it leads to another one, naming both
 */
export async function confirmCluster(
  plane: DownstreamPlane,
  cluster: string | undefined,
  propagation: Reading<Propagation | undefined> | undefined,
): Promise<string | undefined> {
  const expected = propagation?.ok ? propagation.value?.status.clusterUID : undefined;
  if (cluster === undefined || expected === undefined)
    return unproven(plane, cluster, whyNotExpected(cluster, propagation));
  const found = await kubeSystemUid(plane);
  if (!found.ok || found.value === undefined)
    return unproven(plane, cluster, 'its namespace kube-system could not be read with that file');
  const accepted = propagation?.ok ? propagation.value?.acceptedUid : undefined;
  if (found.value === expected || found.value === accepted) return undefined;
  throw new ConfigError(
    `--downstream-kubeconfig ${plane.source}: that is another cluster: its kube-system has UID ${found.value}, and the operator knows ${cluster} by UID ${expected}; give a kubeconfig of ${cluster}, or, if that was set up anew, annotate its ClusterPropagation with ${ANNOTATION_ACCEPT_CLUSTER}=${found.value}`,
  );
}

/** By what a cluster is told from all others; undefined where its namespace `kube-system` has no UID. */
export function kubeSystemUid(plane: DownstreamPlane): Promise<Reading<string | undefined>> {
  return plane.get(NAMESPACES, 'kube-system', uidOf);
}

/** Whether the operator knows a cluster by this UID, or a person accepts it as that one's. */
export function isKnownBy(propagation: Propagation | undefined, uid: string | undefined): boolean {
  if (propagation === undefined || uid === undefined) return false;
  return propagation.status.clusterUID === uid || propagation.acceptedUid === uid;
}

function unproven(plane: DownstreamPlane, cluster: string | undefined, why: string): string {
  return `it is not proven that ${plane.source} is of ${cluster ?? 'the cluster that is meant'}: ${why}`;
}

function whyNotExpected(
  cluster: string | undefined,
  propagation: Reading<Propagation | undefined> | undefined,
): string {
  if (cluster === undefined || !propagation) return 'it is not known which cluster is meant';
  if (!propagation.ok) return `its ClusterPropagation was not read (${propagation.failure.reason})`;
  return propagation.value ? 'its ClusterPropagation names no UID' : 'no operator reports on it';
}

function uidOf(raw: unknown): string | undefined {
  const uid = (raw as { metadata?: { uid?: unknown } }).metadata?.uid;
  return typeof uid === 'string' && uid !== '' ? uid : undefined;
}
