import type { ClusterReason } from '../api/reasons.ts';
import type {
  Condition,
  ConditionType,
  CredentialsState,
  Lifetime,
  PropagationStatus,
} from '../api/types.ts';
import type { ClusterFacts, SpecReading } from './cluster-facts.ts';
import { formatTime } from './expiry.ts';
import { endOf } from './lifetime.ts';
import { mergePatch } from './merge-patch.ts';
import { othersInStatus, otherWriterMessage, sharedMessage } from './other-writer.ts';

interface Judgement {
  readonly status: Condition['status'];
  readonly reason: ClusterReason;
  readonly message: string;
}

/** Why there is no connection, where only a person can mend it. */
const FOR_A_PERSON: ReadonlySet<ClusterReason> = new Set([
  'NoCredentials',
  'CredentialsInvalid',
  'CredentialsRejected',
  'CertificateInvalid',
  'CertificateName',
  'CertificateExpired',
  'ClusterReplaced',
  'Forbidden',
]);

const STALLED: ReadonlySet<ClusterReason> = new Set([
  'InvalidSpec',
  'InstallationKeyUnusable',
  'SharedCluster',
]);

/** How stale `nextRetryTime` may get before it alone is worth a write. */
const RETRY_TIME_STALE_MS = 60_000;

/**
 * The status that these facts make, given the one that is written there.
 *
 * @returns undefined when nothing that matters differs: then there is nothing to write
 */
export function deriveStatus(
  facts: ClusterFacts,
  previous: PropagationStatus,
  nowMs: number,
): PropagationStatus | undefined {
  const judgements = judge(facts, nowMs);
  const { place, spec, seen } = facts;
  const clusterUID = place.clusterUid ?? previous.clusterUID;
  const hashes = seen.hashes ?? previous.hashes;
  const next: PropagationStatus = {
    observedGeneration: spec.generation,
    conditions: conditions(judgements, spec.generation, previous, nowMs),
    ...counts(facts),
    downstreamNamespace: place.namespace,
    ...(clusterUID === undefined ? {} : { clusterUID }),
    ...(hashes === undefined ? {} : { hashes }),
    extTokens: place.extTokens === true ? true : null,
    credentials: place.way ?? null,
    credentialsIssueTime: timeOrNull(place.lifetime?.fromMs),
    credentialsExpireTime: timeOrNull(place.lifetime?.untilMs),
    credentialsState: credentialsState(facts, nowMs),
    others: othersInStatus(seen.others),
    lastError: lastError(facts) ?? null,
    nextRetryTime: retryTime(facts),
  };
  if (isSame(next, previous, nowMs)) return undefined;
  const isSynced = judgements.Synced.status === 'True';
  const lastSyncTime = isSynced ? formatTime(nowMs) : previous.lastSyncTime;
  return { ...next, ...(lastSyncTime ? { lastSyncTime } : {}) };
}

/** A drained cluster is not reached any more, and needs none. */
function credentialsState(
  { connection, place: { lifetime } }: ClusterFacts,
  nowMs: number,
): CredentialsState | null {
  return connection.phase === 'ended' || !lifetime ? null : (endOf(lifetime, nowMs) ?? null);
}

function judge(facts: ClusterFacts, nowMs: number): Record<ConditionType, Judgement> {
  const Connected = connected(facts, nowMs);
  const Synced = synced(facts, Connected);
  const GCBlocked = gcBlocked(facts);
  const Drained = drained(facts);
  const Ready = ready(facts, Connected, Synced, GCBlocked);
  const Stalled = stalled(facts, Ready, Connected, GCBlocked);
  const Reconciling = reconciling(facts, Ready, Stalled);
  return {
    Ready,
    Connected,
    Synced,
    GCBlocked,
    Drained,
    OtherWriter: otherWriter(facts),
    Reconciling,
    Stalled,
  };
}

function connected({ connection, place: { lifetime } }: ClusterFacts, nowMs: number): Judgement {
  switch (connection.phase) {
    case 'connected':
      return { status: 'True', reason: 'Connected', message: 'watching the cluster' };
    case 'connecting':
      return { status: 'Unknown', reason: 'Connecting', message: 'connecting to the cluster' };
    case 'ended':
      return { status: 'False', reason: 'Drained', message: 'nothing of ours is left there; not connected' };
    case 'disconnected':
      return {
        ...{ status: 'False', reason: connection.reason },
        message: `${connection.message}${ended(connection.reason, lifetime, nowMs)}`,
      };
  }
}

/** Why a credential is refused, where it says so itself. */
function ended(reason: ClusterReason, lifetime: Lifetime | undefined, nowMs: number): string {
  if (reason !== 'CredentialsRejected' || !lifetime || lifetime.untilMs > nowMs) return '';
  return `; the credential ended ${formatTime(lifetime.untilMs)}`;
}

function synced(facts: ClusterFacts, connection: Judgement): Judgement {
  const { counts, course, seen } = facts;
  if (course.mode === 'drain') return { status: 'False', reason: course.reason, message: course.message };
  if (connection.status !== 'True') return { ...connection, status: 'Unknown' };
  const failed = counts.failed + counts.usersFailed;
  const pending = counts.pending + counts.usersPending;
  if (failed > 0)
    return { status: 'False', reason: 'Failing', message: `${failed} failing; ${counts.firstFailure ?? ''}` };
  if (!seen.reviewed) return { status: 'False', reason: 'Syncing', message: 'comparing the whole cluster' };
  if (pending > 0) return { status: 'False', reason: 'Syncing', message: `${pending} pending` };
  const unknown =
    counts.groupsUnknown > 0 ? `; GroupsUnknown: ${counts.groupsUnknown} users without groups` : '';
  return {
    status: 'True',
    reason: 'AllSynced',
    message: `every wanted token is in the cluster, and no other${unknown}`,
  };
}

function gcBlocked({ seen: { gcBlocked: blocked } }: ClusterFacts): Judgement {
  if (!blocked) return { status: 'False', reason: 'NotBlocked', message: 'no sweep is blocked' };
  return {
    status: 'True',
    reason: 'GCBlocked',
    message: `a sweep would delete ${blocked.objects} objects whose source is absent, more than ${blocked.limit}; look at them, then annotate with ace-operator.io/allow-gc=${blocked.objects}`,
  };
}

/** How many objects a `GCBlocked` condition says a sweep would delete; undefined where it does not say so. */
export function blockedObjects({ message }: Pick<Condition, 'message'>): number | undefined {
  const [, objects] = /^a sweep would delete (\d{1,9}) objects /.exec(message) ?? [];
  return objects === undefined ? undefined : Number(objects);
}

/** Never a fault by itself: a migration is one. */
function otherWriter({ seen: { others } }: ClusterFacts): Judgement {
  if (!others) return { status: 'Unknown', reason: 'Connecting', message: 'nobody has looked yet' };
  const message = otherWriterMessage(others);
  if (message === undefined)
    return { status: 'False', reason: 'NoOtherWriter', message: 'nobody else writes this cluster' };
  const isRancher = others.byRancher > 0 || others.isInRanchersCare;
  return { status: 'True', reason: isRancher ? 'RancherWrites' : 'OthersWrite', message };
}

function drained({ course, seen }: ClusterFacts): Judgement {
  if (course.mode !== 'drain') return { status: 'False', reason: 'InUse', message: 'the cluster is in use' };
  if (seen.drained)
    return {
      status: 'True',
      reason: 'Drained',
      message: `${course.message}; nothing of ours is left there`,
    };
  return {
    status: 'False',
    reason: 'Draining',
    message: `${course.message}; what is ours there is being removed`,
  };
}

function ready(facts: ClusterFacts, ...parts: readonly [Judgement, Judgement, Judgement]): Judgement {
  const [connection, sync, gc] = parts;
  const { course, spec, seen } = facts;
  const no = (reason: ClusterReason, message: string): Judgement => ({ status: 'False', reason, message });
  if (course.mode !== 'propagate') return no(course.reason, course.message);
  if (spec.problem !== undefined) return no('InvalidSpec', specMessage(spec));
  if (facts.keyProblem !== undefined)
    return no('InstallationKeyUnusable', `${facts.keyProblem}; only revocations are carried out`);
  if (spec.suspended) return no('Suspended', 'spec.suspend is set; only revocations are carried out');
  if (connection.status !== 'True') return { ...connection, status: 'False' };
  if (gc.status === 'True') return no('GCBlocked', gc.message);
  if (seen.sibling !== undefined) return no('SharedCluster', sharedMessage(seen.sibling));
  return sync.status === 'True' ? sync : { ...sync, status: 'False' };
}

/** Somebody has to act before anything gets further; trying again does not help. */
function stalled(
  { course }: ClusterFacts,
  ready: Judgement,
  connection: Judgement,
  gcBlocked: Judgement,
): Judgement {
  const yes = ({ reason, message }: Pick<Judgement, 'reason' | 'message'>): Judgement => ({
    status: 'True',
    reason,
    message,
  });
  if (course.mode === 'hold' || STALLED.has(ready.reason)) return yes(ready);
  if (connection.status === 'False' && FOR_A_PERSON.has(connection.reason)) return yes(connection);
  if (gcBlocked.status === 'True') return yes(gcBlocked);
  return { status: 'False', reason: ready.reason, message: 'nothing waits for a person' };
}

/** Something is not as it should be, and the operator is at it. */
function reconciling({ course, spec, seen }: ClusterFacts, ready: Judgement, stalled: Judgement): Judgement {
  const isAtRest = course.mode === 'drain' ? seen.drained : spec.suspended || ready.status === 'True';
  if (isAtRest || stalled.status === 'True')
    return { status: 'False', reason: ready.reason, message: 'nothing is under way' };
  return { ...ready, status: 'True' };
}

function specMessage({ problem, isUnknown }: SpecReading): string {
  return `${problem}; ${isUnknown ? 'only revocations are carried out' : 'the last good spec is in force'}`;
}

function counts({ counts: { synced, pending, failed, refused } }: ClusterFacts): PropagationStatus {
  const wanted = synced + pending + failed;
  return { wanted, synced, pending, failed, refused, tokens: `${synced}/${wanted}` };
}

function lastError(facts: ClusterFacts): string | undefined {
  if (facts.connection.phase === 'disconnected') return facts.connection.message;
  return facts.counts.firstFailure;
}

function retryTime({ connection }: ClusterFacts): string | null {
  return timeOrNull(connection.phase === 'disconnected' ? connection.nextTryMs : undefined);
}

function timeOrNull(ms: number | undefined): string | null {
  return ms === undefined ? null : formatTime(ms);
}

function conditions(
  judgements: Record<ConditionType, Judgement>,
  observedGeneration: number,
  previous: PropagationStatus,
  nowMs: number,
): readonly Condition[] {
  return Object.entries(judgements).map(([type, judgement]) => {
    const before = previous.conditions?.find((condition) => condition.type === type);
    const unchanged = before?.status === judgement.status;
    return {
      type: type as ConditionType,
      ...judgement,
      lastTransitionTime: unchanged ? before.lastTransitionTime : formatTime(nowMs),
      observedGeneration,
    };
  });
}

/** What would not be written is the same. Times that pass by themselves do not count, or an idle cluster would be written for ever. */
function isSame(next: PropagationStatus, previous: PropagationStatus, nowMs: number): boolean {
  const { nextRetryTime: nextRetry, ...a } = next;
  const { nextRetryTime: previousRetry, lastSyncTime: _, ...b } = previous;
  if (mergePatch({ ...b }, { ...a }) !== undefined) return false;
  if (!nextRetry || !previousRetry) return (nextRetry ?? null) === (previousRetry ?? null);
  return nowMs - Date.parse(previousRetry) < RETRY_TIME_STALE_MS;
}
