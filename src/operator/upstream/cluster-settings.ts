import { CLUSTER_PROPAGATIONS, SECRETS } from '../../api/names.ts';
import { DEFAULT_SPEC } from '../../api/parse-cluster.ts';
import type { ClusterReason } from '../../api/reasons.ts';
import type { Cluster, Propagation, PropagationSpec } from '../../api/types.ts';
import { type Credentials, findCredentials, keptCredentials } from '../../clusters/credentials.ts';
import type { WrittenIdentity } from '../../clusters/identity.ts';
import type { Mode } from '../../derive/status.ts';
import type { Log } from '../../telemetry/log.ts';
import { type Management, watchName } from './management.ts';

/** What the management plane says of a cluster. */
export interface ClusterSettings {
  readonly mode: Mode;
  readonly modeReason: ClusterReason;
  readonly modeMessage: string;
  readonly spec: PropagationSpec;
  readonly specProblem: string | undefined;
  /** The spec cannot be read and no good one was seen: to guess at its algorithm would rewrite every hash. */
  readonly specUnknown: boolean;
  readonly generation: number;
  readonly allowance: Propagation['allowance'];
  readonly allowedAtMs: number | undefined;
  readonly credentials: Credentials;
  readonly identity: WrittenIdentity;
  /** The status of an earlier process says that it is drained: nothing to connect for. */
  readonly wasDrained: boolean;
}

/**
 * What management says of a cluster: whether to propagate, drain or hold, by which spec, reached how.
 *
 * @param isGone - the Cluster was confirmed not to exist by a live read
 * @param before - what was in force until now: a spec that cannot be read leaves the last good one there
 */
export function clusterSettings(
  name: string,
  management: Management,
  isGone: boolean,
  before: ClusterSettings | undefined,
): ClusterSettings {
  const cluster = management.clusters.get(name);
  const propagation = management.propagations.get(name);
  const specProblem = propagation ? propagation.problem : unreadSpec(management);
  const spec = (propagation && specProblem === undefined ? propagation.spec : before?.spec) ?? DEFAULT_SPEC;
  const mode = modeOf(name, cluster, isGone, spec.drain);
  return {
    ...mode,
    spec,
    specProblem,
    specUnknown: specProblem !== undefined && (before?.specUnknown ?? true),
    generation: propagation?.generation ?? 0,
    allowance: propagation?.allowance,
    allowedAtMs: propagation?.allowedAtMs,
    credentials: credentialsOf(name, cluster, mode.mode, management),
    identity: { uid: propagation?.status.clusterUID, acceptedUid: propagation?.acceptedUid },
    wasDrained: wasDrained(propagation),
  };
}

/** Credentials often go together with their Cluster, or just before it: what is ours there has to go all the same. */
function credentialsOf(
  name: string,
  cluster: Cluster | undefined,
  mode: Mode,
  management: Management,
): Credentials {
  const found = findCredentials(name, cluster, management.ways());
  const kept = management.keptWay(name);
  if (found.kind === 'missing' && mode === 'drain' && kept) return keptCredentials(kept);
  return withUnread(found, management);
}

/** What keeps us from knowing whether a person wrote a spec at all. */
function unreadSpec({ unread }: Management): string | undefined {
  const why = unread.get(watchName(CLUSTER_PROPAGATIONS));
  return why === undefined ? undefined : `ClusterPropagations are not read: ${why}`;
}

/** They may well be where we cannot look. */
function withUnread(credentials: Credentials, { unread, credentials: namespaces }: Management): Credentials {
  const closed = [...namespaces.keys()].filter((namespace) => unread.has(watchName(SECRETS, namespace)));
  if (credentials.kind === 'found' || closed.length === 0) return credentials;
  const why = closed.map((namespace) => `${namespace} (${unread.get(watchName(SECRETS, namespace))})`);
  return { ...credentials, message: `${credentials.message}; not read: namespace ${why.join(', ')}` };
}

function modeOf(
  name: string,
  cluster: Cluster | undefined,
  isGone: boolean,
  drain: boolean,
): Pick<ClusterSettings, 'mode' | 'modeReason' | 'modeMessage'> {
  if (!cluster && !isGone) {
    return {
      mode: 'hold',
      modeReason: 'Connecting',
      modeMessage: `Cluster ${name} is not seen at the moment`,
    };
  }
  if (!cluster || cluster.deleting) {
    return { mode: 'drain', modeReason: 'ClusterDeleted', modeMessage: `Cluster ${name} is deleted` };
  }
  // An unreadable switch is neither on nor off: what is there stays, and nothing is added.
  if (cluster.aceEnabled === undefined) {
    return { mode: 'hold', modeReason: 'Malformed', modeMessage: `Cluster ${name}: ${cluster.problem}` };
  }
  if (!cluster.aceEnabled) {
    return {
      mode: 'drain',
      modeReason: 'AceDisabled',
      modeMessage: `Cluster ${name}: spec.localClusterAuthEndpoint.enabled is not true`,
    };
  }
  if (drain) {
    return {
      mode: 'drain',
      modeReason: 'DrainRequested',
      modeMessage: `ClusterPropagation ${name}: spec.drain is set`,
    };
  }
  return { mode: 'propagate', modeReason: 'Connected', modeMessage: '' };
}

function wasDrained(propagation: Propagation | undefined): boolean {
  return (
    propagation?.status.conditions?.some(({ type, status }) => type === 'Drained' && status === 'True') ??
    false
  );
}

/** Whether a cluster is any business of ours: it has ACE, or had it and left something behind to account for. */
export function isRelevant(name: string, management: Management): boolean {
  return asksForAce(management.clusters.get(name)) || management.propagations.get(name) !== undefined;
}

/** Also when its switch cannot be read: a person has to be told. */
export function asksForAce(cluster: Cluster | undefined): boolean {
  return cluster !== undefined && cluster.aceEnabled !== false;
}

/** Whether a change of settings concerns every key of the cluster. */
export function isOther(before: ClusterSettings, after: ClusterSettings): boolean {
  return (
    before.mode !== after.mode ||
    before.specUnknown !== after.specUnknown ||
    JSON.stringify(before.spec) !== JSON.stringify(after.spec) ||
    (after.allowance !== undefined && after.allowance !== before.allowance)
  );
}

/** Logs what a person wrote and we cannot read, once for each new mistake. */
export function logProblems(
  cluster: string,
  before: ClusterSettings | undefined,
  { specProblem, modeReason, modeMessage }: ClusterSettings,
  log: Log,
): void {
  if (specProblem !== undefined && specProblem !== before?.specProblem) {
    log.warn('spec is invalid', { cluster, detail: specProblem });
  }
  if (modeReason === 'Malformed' && modeMessage !== before?.modeMessage) {
    log.warn('cluster on hold', { cluster, reason: modeReason, detail: modeMessage });
  }
}
