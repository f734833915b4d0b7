import { HOP_TEXTS } from '../api/hop-reason-texts.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { KubeObject } from '../api/types.ts';
import { judgeTokenThere } from '../derive/verdict.ts';
import { known } from '../plane/reading.ts';
import type { Evidence } from './evidence.ts';
import type { Hop } from './hop.ts';
import { otherWriterOf } from './written.ts';

/** Why the management plane does not want the token in this cluster; undefined when it does, or is not known. */
export function refusalOf(evidence: Evidence): TokenReason | 'TokenNotFound' | ClusterRefusal | undefined {
  const { management, target, nowMs } = evidence;
  if (!management.token?.ok || target.cluster === undefined) return undefined;
  const token = management.token.value;
  if (!token) return 'TokenNotFound';
  const cluster = known(management.cluster);
  const context = { cluster: target.cluster, aceEnabled: cluster?.aceEnabled !== false, nowMs };
  const verdict = judgeTokenThere(token, known(management.user), context, oursIn(evidence));
  // A User that could not be read may well be there.
  const isUserUnread = management.user?.ok === false;
  if (!verdict.wanted && !(isUserUnread && verdict.reason === 'UserNotFound')) return verdict.reason;
  return drainOf(evidence);
}

/** The ClusterAuthToken, where it is there, and not another writer's. */
function oursIn(evidence: Evidence): readonly KubeObject[] {
  const seen = known(evidence.downstream.clusterAuthToken);
  return seen && otherWriterOf(evidence) === undefined ? [seen.object] : [];
}

type ClusterRefusal = 'ClusterNotFound' | 'ClusterDeleted' | 'DrainRequested';

/** Why the operator takes everything out of the cluster, whatever the token. */
function drainOf(evidence: Evidence): ClusterRefusal | undefined {
  const { cluster, propagation } = evidence.management;
  if (cluster?.ok && !cluster.value) return 'ClusterNotFound';
  if (known(cluster)?.deleting) return 'ClusterDeleted';
  // What others write stays there, and comes.
  const isDrained = known(propagation)?.spec.drain && otherWriterOf(evidence) === undefined;
  return isDrained ? 'DrainRequested' : undefined;
}

/** The management plane says that the token is to be let in, as far as it could be read. */
function isToBeLetIn(evidence: Evidence): boolean {
  const { token, user } = evidence.management;
  const isUserOut = known(user) !== undefined && !isEnabledUpstream(evidence);
  return known(token) !== undefined && !isUserOut && refusalOf(evidence) === undefined;
}

/** The management plane says of the user that he is to be let in. */
export function isEnabledUpstream({ management }: Evidence): boolean {
  const user = known(management.user);
  return user?.enabled === true && !user.deleting;
}

/**
 * What is said of something that the operator is to bring up to date, where it does not for now: `spec.suspend` is set. Others' objects it
 * leaves alone anyway, and what is to go it takes away all the same.
 */
export function orSuspended(hop: Hop, evidence: Evidence): Hop {
  if (hop.state !== 'broken' || hop.reason === 'Conflict') return hop;
  const isSuspended = known(evidence.management.propagation)?.spec.suspend === true;
  if (!isSuspended || !isToBeLetIn(evidence) || otherWriterOf(evidence) !== undefined) return hop;
  const why = `spec.suspend of ClusterPropagation ${evidence.target.cluster} is set: nothing is added or repaired there`;
  return { ...hop, detail: `${hop.detail}; ${why}`, remedy: TOKEN_TEXTS.Suspended.remedy };
}

/**
 * A denial for a user who is enabled upstream: to enable him again would do nothing. What the authenticator goes by is of an earlier
 * state.
 */
export function orBehind(hop: Hop, evidence: Evidence): Hop {
  if (hop.reason !== 'UserDisabled' || !isEnabledUpstream(evidence)) return hop;
  const detail = `${hop.detail}; the User is enabled, which the cluster does not know yet`;
  return orSuspended({ ...hop, detail, remedy: HOP_TEXTS.Outdated.remedy }, evidence);
}
