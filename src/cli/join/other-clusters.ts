import { ANNOTATION_ACCEPT_CLUSTER } from '../../api/names.ts';
import type { Cluster, Propagation } from '../../api/types.ts';
import { ConfigError, UnseenError } from '../../errors.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { needed } from '../../plane/needed.ts';
import { known, type Reading } from '../../plane/reading.ts';
import { isKnownBy, kubeSystemUid } from '../../plane/same-cluster.ts';

/** Another management id that leads to the same API server, whose account is the same one. */
export interface Other {
  readonly name: string;
  readonly isInUse: boolean;
}

/** What the kubeconfig that was given is told by. */
export interface Identity {
  /** Of its namespace `kube-system`; a value of undefined: it has none. */
  readonly uid: Reading<string | undefined>;
  /** Clusters other than the one that is meant which the operator knows by that UID, and which are there. */
  readonly others: readonly Other[];
  /** The operator knows other clusters by their UIDs: where this one's cannot be read it may be any of them. */
  readonly isAnyKnown: boolean;
}

/**
 * Whose the kubeconfig that was given is, besides the cluster that is meant.
 *
 * @throws {ConnectionError} when ClusterPropagations, or the Cluster of one, cannot be read
 */
export async function identityOf(
  downstream: DownstreamPlane,
  cluster: string,
  management: ManagementPlane,
): Promise<Identity> {
  const [uid, listed] = await Promise.all([kubeSystemUid(downstream), management.propagations()]);
  // Its definition is missing where no operator ever ran: then nobody reports on any cluster.
  const isUnknownKind = !listed.ok && listed.failure.reason === 'KindMissing';
  const rest = (isUnknownKind ? [] : needed(listed)).filter(({ name }) => name !== cluster);
  const same = rest.filter((one) => isKnownBy(one, known(uid)));
  const others = await Promise.all(
    same.map(async (propagation) => {
      const live = needed(await management.cluster(propagation.name));
      return live ? [{ name: propagation.name, isInUse: isInUse(live, propagation) }] : [];
    }),
  );
  const isAnyKnown = rest.some(({ status }) => status.clusterUID !== undefined);
  return { uid, others: others.flat(), isAnyKnown };
}

/** The operator writes there: it has not been told that nothing of ours is to be there. */
export function isInUse(cluster: Cluster | undefined, propagation: Propagation | undefined): boolean {
  const isDrained = propagation?.spec.drain === true && propagation.problem === undefined;
  return cluster !== undefined && cluster.aceEnabled !== false && !isDrained;
}

/**
 * Where nothing proves that the kubeconfig that was given is of the cluster that is meant, it must not be of another one that the operator
 * knows. A person may say that both lead to one API server, by the annotation that accepts a UID.
 *
 * @throws {ConfigError} naming the other one
 * @throws {UnseenError} where it may be another one, and does not say which it is
 */
export async function requireNotOthers(
  { uid, others, isAnyKnown }: Identity,
  { unproven, source }: DownstreamPlane,
  cluster: string,
  management: ManagementPlane,
): Promise<void> {
  if (unproven === undefined) return;
  if (!uid.ok && isAnyKnown)
    throw new UnseenError(
      `${unproven}, and whether it is another that the operator knows cannot be seen: ${uid.failure.message}; give a kubeconfig that may get namespace kube-system there`,
    );
  const own = known(await management.remembered.propagation(cluster));
  if (others.length === 0 || isKnownBy(own, known(uid))) return;
  const names = others.map(({ name }) => name).join(' and ');
  throw new ConfigError(
    `--downstream-kubeconfig ${source}: its kube-system has UID ${known(uid)}, by which the operator knows cluster ${names}; give a kubeconfig of ${cluster}, or, if both are to lead to that API server, annotate ClusterPropagation ${cluster} with ${ANNOTATION_ACCEPT_CLUSTER}=${known(uid)}`,
  );
}
