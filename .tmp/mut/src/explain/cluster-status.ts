import { parseTime } from '../api/parse-fields.ts';
import type { Cluster, Condition, ConditionType, Propagation, PropagationStatus } from '../api/types.ts';
import { isEndingSoon } from '../derive/lifetime.ts';
import type { Reading } from '../plane/reading.ts';
import type { DaemonSet } from '../plane/workloads.ts';
import { until } from '../print/duration.ts';
import { describe } from './judge-webhook.ts';
import type { TokenStatus } from './token-status.ts';

/** Where one cluster stands, from what the operator reports and what the cluster itself shows. */
export interface ClusterStatus {
  readonly name: string;
  readonly displayName: string;
  readonly ready: Condition['status'] | 'NotReported';
  readonly reason: string;
  readonly message: string;
  readonly synced: number;
  readonly wanted: number;
  readonly pending: number;
  readonly failed: number;
  readonly refused: Readonly<Record<string, number>>;
  /** Milliseconds since the epoch. */
  readonly lastSyncAtMs: number | undefined;
  /** For how long the cluster has not been what it should be, in milliseconds; 0: it is in step. */
  readonly lagMs: number | undefined;
  readonly nextRetryAtMs: number | undefined;
  readonly lastError: string;
  /** By what the operator reaches it; empty: by nothing, or nobody says. */
  readonly credentials: string;
  /** When that was made, and when it ends; undefined: nobody says. */
  readonly credentialsIssuedAtMs: number | undefined;
  readonly credentialsExpireAtMs: number | undefined;
  /** Hashes in the cluster by format and place, as the operator counted them; empty: none, or nobody has. */
  readonly hashes: Readonly<Record<string, number>>;
  /** Who else writes this cluster, in words; empty: nobody, or nobody has looked. */
  readonly otherWriter: string;
  /** `ace-authenticator v0.1.0: 3 of 3 ready`; undefined when it was not asked for or not seen. */
  readonly authenticator: string | undefined;
  readonly authenticatorReady: boolean | undefined;
}

/** Every cluster that is or was our business. Pure. */
export function clusterStatuses(
  clusters: readonly Cluster[],
  propagations: readonly Propagation[],
  running: ReadonlyMap<string, Reading<readonly DaemonSet[]>>,
  nowMs: number,
): readonly ClusterStatus[] {
  const clusterByName = new Map(clusters.map((cluster) => [cluster.name, cluster]));
  const byName = new Map(propagations.map((propagation) => [propagation.name, propagation]));
  const names = new Set([
    ...byName.keys(),
    ...clusters.filter(({ aceEnabled }) => aceEnabled !== false).map(({ name }) => name),
  ]);
  return [...names].sort().map((name) => ({
    ...reported(name, clusterByName.get(name), byName.get(name), nowMs),
    ...authenticatorOf(running.get(name)),
  }));
}

/**
 * The same of a cluster on which no operator reports, from what is in it: of Rancher's own controller, or of nobody.
 *
 * @param tokens - all that the cluster has or should have
 */
export function countedStatus(status: ClusterStatus, tokens: readonly TokenStatus[]): ClusterStatus {
  const of = (state: TokenStatus['state']): number => tokens.filter((token) => token.state === state).length;
  const refused: Record<string, number> = {};
  for (const { state, reason } of tokens) {
    if (state === 'refused') refused[reason] = (refused[reason] ?? 0) + 1;
    if (state === 'orphan') refused['TokenNotFound'] = (refused['TokenNotFound'] ?? 0) + 1;
  }
  const [synced, pending] = [of('propagated'), of('pending')];
  return { ...status, synced, pending, wanted: synced + pending, refused };
}

type Reported = Omit<ClusterStatus, 'authenticator' | 'authenticatorReady'>;

function reported(
  name: string,
  cluster: Cluster | undefined,
  propagation: Propagation | undefined,
  nowMs: number,
): Reported {
  const status = propagation?.status ?? {};
  return {
    name,
    displayName: cluster?.displayName ?? name,
    ...readiness(condition(status, 'Ready'), cluster),
    ...counts(status),
    lastSyncAtMs: parseTime(status.lastSyncTime ?? ''),
    lagMs: lagOf(condition(status, 'Synced'), nowMs),
    nextRetryAtMs: parseTime(status.nextRetryTime ?? ''),
    lastError: status.lastError ?? '',
    credentials: status.credentials ?? '',
    credentialsIssuedAtMs: parseTime(status.credentialsIssueTime ?? ''),
    credentialsExpireAtMs: parseTime(status.credentialsExpireTime ?? ''),
    hashes: status.hashes ?? {},
    otherWriter: otherWriterOf(status),
  };
}

function readiness(
  ready: Condition | undefined,
  cluster: Cluster | undefined,
): Pick<Reported, 'ready' | 'reason' | 'message'> {
  // What was reported before its Cluster was deleted holds no longer, whether or not an operator is there to see it.
  if (ready?.status === 'True' && !cluster)
    return {
      ...{ ready: 'False', reason: 'ClusterDeleted' },
      message: 'its Cluster is deleted, and no operator has taken away yet what is there',
    };
  return {
    ready: ready?.status ?? 'NotReported',
    reason: ready?.reason ?? '',
    message: ready?.message ?? 'no operator reports on this cluster',
  };
}

/** What is to be said of a credential that ends soon, or has ended; undefined: nothing. */
export function expiryNotice(status: ClusterStatus, nowMs: number): string | undefined {
  const { credentialsIssuedAtMs: fromMs, credentialsExpireAtMs: untilMs } = status;
  if (untilMs === undefined || !isEndingSoon({ fromMs, untilMs }, nowMs)) return undefined;
  const text = until(untilMs, nowMs, (ago) => `ended ${ago} ago`);
  return untilMs > nowMs
    ? `the credential by which it is reached ends in ${text}: ${status.credentials}`
    : `the credential by which it is reached ${text}: ${status.credentials}`;
}

function otherWriterOf(status: PropagationStatus): string {
  const found = condition(status, 'OtherWriter');
  return found?.status === 'True' ? found.message : '';
}

function counts(
  status: PropagationStatus,
): Pick<Reported, 'synced' | 'wanted' | 'pending' | 'failed' | 'refused'> {
  const { synced = 0, wanted = 0, pending = 0, failed = 0, refused = {} } = status;
  return { synced, wanted, pending, failed, refused };
}

export function condition(status: PropagationStatus, type: ConditionType): Condition | undefined {
  return status.conditions?.find((candidate) => candidate.type === type);
}

function lagOf(synced: Condition | undefined, nowMs: number): number | undefined {
  if (!synced) return undefined;
  if (synced.status === 'True') return 0;
  const sinceMs = parseTime(synced.lastTransitionTime);
  return sinceMs === undefined ? undefined : Math.max(0, nowMs - sinceMs);
}

/** What the cluster itself shows; undefined: it was not asked. */
export function authenticatorOf(
  running: Reading<readonly DaemonSet[]> | undefined,
): Pick<ClusterStatus, 'authenticator' | 'authenticatorReady'> {
  if (!running) return { authenticator: undefined, authenticatorReady: undefined };
  if (!running.ok) return { authenticator: running.failure.reason, authenticatorReady: undefined };
  if (running.value.length === 0) return { authenticator: 'no DaemonSet', authenticatorReady: undefined };
  return {
    authenticator: running.value.map(describe).join('; '),
    authenticatorReady: running.value.some(({ wanted, ready }) => wanted > 0 && ready === wanted),
  };
}
