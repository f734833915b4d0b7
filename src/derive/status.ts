import type { ClusterReason } from '../api/reasons.ts';
import type { Condition, ConditionType, PropagationStatus } from '../api/types.ts';
import { formatTime } from './expiry.ts';
import { mergePatch } from './merge-patch.ts';
import { type OtherWriter, othersInStatus, otherWriterMessage, sharedMessage } from './other-writer.ts';

/** `propagate`: what is wanted is written; `drain`: all that is ours is taken away; `hold`: neither. */
export type Mode = 'propagate' | 'drain' | 'hold';

/** What is known of one cluster, from which its status follows. */
export interface ClusterFacts {
  readonly generation: number;
  readonly downstreamNamespace: string;
  /** UID of the cluster that is written to; undefined while none was seen. */
  readonly clusterUid: string | undefined;
  /** Tokens of `ext.cattle.io` are carried, too. */
  readonly extTokens?: boolean;
  /** By what the cluster is reached; undefined: by nothing. */
  readonly way?: string | undefined;
  readonly mode: Mode;
  /** Why not `propagate`, in words of the closed enum. */
  readonly modeReason: ClusterReason;
  readonly modeMessage: string;
  /** Why no hash can be marked, so that nothing is added or repaired in any cluster. */
  readonly keyProblem: string | undefined;
  readonly suspended: boolean;
  /** What is wrong with the spec; the last good one is in force then. */
  readonly specProblem: string | undefined;
  /** There is no last good one, so that nothing is added or repaired. */
  readonly specUnknown: boolean;
  readonly connection:
    | { readonly phase: 'connected' }
    | { readonly phase: 'connecting' }
    | { readonly phase: 'ended' }
    | {
        readonly phase: 'disconnected';
        readonly reason: ClusterReason;
        readonly message: string;
        readonly nextTryMs: number | undefined;
      };
  /** Every key was looked at since the connection was made. */
  readonly reviewed: boolean;
  /** Hashes that are seen there, by kind; undefined while it cannot be seen. */
  readonly hashes?: Readonly<Record<string, number>> | undefined;
  /** Another Cluster of this installation that leads to the same API server. */
  readonly sibling?: string | undefined;
  /** Who else writes there; undefined: not looked yet. */
  readonly others?: OtherWriter | undefined;
  readonly drained: boolean;
  readonly gcBlocked: { readonly objects: number; readonly limit: number } | undefined;
  readonly counts: {
    readonly synced: number;
    readonly pending: number;
    readonly failed: number;
    readonly refused: Readonly<Record<string, number>>;
    readonly usersPending: number;
    readonly usersFailed: number;
    /** Users whose UserAttribute is missing or unreadable: their tokens work, with no groups. */
    readonly groupsUnknown: number;
    readonly firstFailure: string | undefined;
  };
}

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
  const judgements = judge(facts);
  const clusterUID = facts.clusterUid ?? previous.clusterUID;
  const hashes = facts.hashes ?? previous.hashes;
  const next: PropagationStatus = {
    observedGeneration: facts.generation,
    conditions: conditions(judgements, facts.generation, previous, nowMs),
    ...counts(facts),
    downstreamNamespace: facts.downstreamNamespace,
    ...(clusterUID === undefined ? {} : { clusterUID }),
    ...(hashes === undefined ? {} : { hashes }),
    extTokens: facts.extTokens === true ? true : null,
    credentials: facts.way ?? null,
    others: othersInStatus(facts.others),
    lastError: lastError(facts) ?? null,
    nextRetryTime: retryTime(facts),
  };
  if (isSame(next, previous, nowMs)) return undefined;
  const isSynced = judgements.Synced.status === 'True';
  const lastSyncTime = isSynced ? formatTime(nowMs) : previous.lastSyncTime;
  return { ...next, ...(lastSyncTime ? { lastSyncTime } : {}) };
}

function judge(facts: ClusterFacts): Record<ConditionType, Judgement> {
  const Connected = connected(facts);
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

function connected({ connection }: ClusterFacts): Judgement {
  switch (connection.phase) {
    case 'connected':
      return { status: 'True', reason: 'Connected', message: 'watching the cluster' };
    case 'connecting':
      return { status: 'Unknown', reason: 'Connecting', message: 'connecting to the cluster' };
    case 'ended':
      return { status: 'False', reason: 'Drained', message: 'nothing of ours is left there; not connected' };
    case 'disconnected':
      return { status: 'False', reason: connection.reason, message: connection.message };
  }
}

function synced(facts: ClusterFacts, connection: Judgement): Judgement {
  const { counts, reviewed } = facts;
  if (facts.mode === 'drain')
    return { status: 'False', reason: facts.modeReason, message: facts.modeMessage };
  if (connection.status !== 'True') return { ...connection, status: 'Unknown' };
  const failed = counts.failed + counts.usersFailed;
  const pending = counts.pending + counts.usersPending;
  if (failed > 0)
    return { status: 'False', reason: 'Failing', message: `${failed} failing; ${counts.firstFailure ?? ''}` };
  if (!reviewed) return { status: 'False', reason: 'Syncing', message: 'comparing the whole cluster' };
  if (pending > 0) return { status: 'False', reason: 'Syncing', message: `${pending} pending` };
  const unknown =
    counts.groupsUnknown > 0 ? `; GroupsUnknown: ${counts.groupsUnknown} users without groups` : '';
  return {
    status: 'True',
    reason: 'AllSynced',
    message: `every wanted token is in the cluster, and no other${unknown}`,
  };
}

function gcBlocked({ gcBlocked: blocked }: ClusterFacts): Judgement {
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
function otherWriter({ others }: ClusterFacts): Judgement {
  if (!others) return { status: 'Unknown', reason: 'Connecting', message: 'nobody has looked yet' };
  const message = otherWriterMessage(others);
  if (message === undefined)
    return { status: 'False', reason: 'NoOtherWriter', message: 'nobody else writes this cluster' };
  const isRancher = others.byRancher > 0 || others.isInRanchersCare;
  return { status: 'True', reason: isRancher ? 'RancherWrites' : 'OthersWrite', message };
}

function drained(facts: ClusterFacts): Judgement {
  if (facts.mode !== 'drain') return { status: 'False', reason: 'InUse', message: 'the cluster is in use' };
  if (facts.drained)
    return {
      status: 'True',
      reason: 'Drained',
      message: `${facts.modeMessage}; nothing of ours is left there`,
    };
  return {
    status: 'False',
    reason: 'Draining',
    message: `${facts.modeMessage}; what is ours there is being removed`,
  };
}

function ready(facts: ClusterFacts, ...parts: readonly [Judgement, Judgement, Judgement]): Judgement {
  const [connection, sync, gc] = parts;
  const no = (reason: ClusterReason, message: string): Judgement => ({ status: 'False', reason, message });
  if (facts.mode !== 'propagate') return no(facts.modeReason, facts.modeMessage);
  if (facts.specProblem !== undefined) return no('InvalidSpec', specMessage(facts));
  if (facts.keyProblem !== undefined)
    return no('InstallationKeyUnusable', `${facts.keyProblem}; only revocations are carried out`);
  if (facts.suspended) return no('Suspended', 'spec.suspend is set; only revocations are carried out');
  if (connection.status !== 'True') return { ...connection, status: 'False' };
  if (gc.status === 'True') return no('GCBlocked', gc.message);
  if (facts.sibling !== undefined) return no('SharedCluster', sharedMessage(facts.sibling));
  return sync.status === 'True' ? sync : { ...sync, status: 'False' };
}

/** Somebody has to act before anything gets further; trying again does not help. */
function stalled(
  facts: ClusterFacts,
  ready: Judgement,
  connection: Judgement,
  gcBlocked: Judgement,
): Judgement {
  const yes = ({ reason, message }: Pick<Judgement, 'reason' | 'message'>): Judgement => ({
    status: 'True',
    reason,
    message,
  });
  if (facts.mode === 'hold' || STALLED.has(ready.reason)) return yes(ready);
  if (connection.status === 'False' && FOR_A_PERSON.has(connection.reason)) return yes(connection);
  if (gcBlocked.status === 'True') return yes(gcBlocked);
  return { status: 'False', reason: ready.reason, message: 'nothing waits for a person' };
}

/** Something is not as it should be, and the operator is at it. */
function reconciling(facts: ClusterFacts, ready: Judgement, stalled: Judgement): Judgement {
  const isAtRest = facts.mode === 'drain' ? facts.drained : facts.suspended || ready.status === 'True';
  if (isAtRest || stalled.status === 'True')
    return { status: 'False', reason: ready.reason, message: 'nothing is under way' };
  return { ...ready, status: 'True' };
}

function specMessage({ specProblem, specUnknown }: ClusterFacts): string {
  return `${specProblem}; ${specUnknown ? 'only revocations are carried out' : 'the last good spec is in force'}`;
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
  if (connection.phase !== 'disconnected' || connection.nextTryMs === undefined) return null;
  return formatTime(connection.nextTryMs);
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
