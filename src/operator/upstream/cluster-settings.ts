import { CLUSTER_PROPAGATIONS, SECRETS } from '../../api/names.ts';
import { DEFAULT_SPEC } from '../../api/parse-cluster.ts';
import type { Cluster, Lifetime, Propagation, PropagationSpec } from '../../api/types.ts';
import {
  type Credentials,
  findCredentials,
  keptCredentials,
  lifetimeOf,
} from '../../clusters/credentials.ts';
import type { WrittenIdentity } from '../../clusters/identity.ts';
import type { Course, Mode, SpecReading } from '../../derive/cluster-facts.ts';
import type { Log } from '../../telemetry/log.ts';
import { type Management, watchName } from './management.ts';

/** What the management plane says of a cluster. */
export interface ClusterSettings {
  readonly course: Course;
  readonly spec: PropagationSpec;
  readonly reading: SpecReading;
  readonly grant: Grant;
  readonly credentials: Credentials;
  /** Of the credentials; read here, once, for reading a thousand of them at one time would hold up all else. */
  readonly lifetime: Lifetime | undefined;
  readonly identity: WrittenIdentity;
  /** The status of an earlier process says that it is drained: nothing to connect for. */
  readonly wasDrained: boolean;
}

/** What a person allows a sweep to delete, and since when: milliseconds since the epoch. */
export interface Grant extends Partial<Pick<Propagation, 'allowance' | 'allowedAtMs'>> {
  /** The one before was taken off since it was given: this is another one, though it may say the same. */
  readonly isGivenAnew?: boolean;
}

/**
 * What management says of a cluster: whether to propagate, drain or hold, by which spec, reached how.
 *
 * @param isGone - the Cluster was confirmed not to exist by a live read
 * @param before - what was in force until now: a spec that cannot be read leaves the last good one there
 * @param known.unmade - why there is no ClusterPropagation that we know, where that is not because a person wrote none
 * @param known.isGivenAnew - see {@link Grant}
 */
export function clusterSettings(
  name: string,
  management: Management,
  isGone: boolean,
  before: ClusterSettings | undefined,
  { unmade, isGivenAnew = false }: { unmade?: string | undefined; isGivenAnew?: boolean } = {},
): ClusterSettings {
  const cluster = management.clusters.get(name);
  const propagation = management.propagations.get(name);
  const specProblem = propagation ? propagation.problem : (unreadSpec(management) ?? unmade);
  const spec = (propagation && specProblem === undefined ? propagation.spec : before?.spec) ?? DEFAULT_SPEC;
  const course = courseOf(name, cluster, isGone, spec.drain);
  const credentials = credentialsOf(name, cluster, course.mode, management);
  return {
    ...{ course, spec },
    reading: {
      generation: propagation?.generation ?? 0,
      problem: specProblem,
      isUnknown: specProblem !== undefined && (before?.reading.isUnknown ?? true),
    },
    grant: { allowance: propagation?.allowance, allowedAtMs: propagation?.allowedAtMs, isGivenAnew },
    ...{ credentials, lifetime: lifetimeOf(credentials) },
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

function courseOf(name: string, cluster: Cluster | undefined, isGone: boolean, drain: boolean): Course {
  if (!cluster && !isGone) {
    return {
      mode: 'hold',
      reason: 'Connecting',
      message: `Cluster ${name} is not seen at the moment`,
    };
  }
  if (!cluster || cluster.deleting) {
    return { mode: 'drain', reason: 'ClusterDeleted', message: `Cluster ${name} is deleted` };
  }
  // An unreadable switch is neither on nor off: what is there stays, and nothing is added.
  if (cluster.aceEnabled === undefined) {
    return { mode: 'hold', reason: 'Malformed', message: `Cluster ${name}: ${cluster.problem}` };
  }
  if (!cluster.aceEnabled) {
    return {
      mode: 'drain',
      reason: 'AceDisabled',
      message: `Cluster ${name}: spec.localClusterAuthEndpoint.enabled is not true`,
    };
  }
  if (drain) {
    return {
      mode: 'drain',
      reason: 'DrainRequested',
      message: `ClusterPropagation ${name}: spec.drain is set`,
    };
  }
  return { mode: 'propagate', reason: 'Connected', message: '' };
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
    before.course.mode !== after.course.mode ||
    before.reading.isUnknown !== after.reading.isUnknown ||
    JSON.stringify(before.spec) !== JSON.stringify(after.spec) ||
    (after.grant.allowance !== undefined &&
      (after.grant.allowance !== before.grant.allowance || after.grant.isGivenAnew === true))
  );
}

/** Logs what a person wrote and we cannot read, once for each new mistake. */
export function logProblems(
  cluster: string,
  before: ClusterSettings | undefined,
  { reading: { problem }, course: { reason, message } }: ClusterSettings,
  log: Log,
): void {
  if (problem !== undefined && problem !== before?.reading.problem) {
    log.warn('spec is invalid', { cluster, detail: problem });
  }
  if (reason === 'Malformed' && message !== before?.course.message) {
    log.warn('cluster on hold', { cluster, reason, detail: message });
  }
}
