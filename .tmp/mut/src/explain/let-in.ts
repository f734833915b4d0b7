import { judgeHeld } from '../authenticator/judge.ts';
import { known } from '../plane/reading.ts';
import type { Evidence } from './evidence.ts';
import type { Hop, HopId } from './hop.ts';
import { userOf, type Who, whoIsLetIn } from './who.ts';

/**
 * Whether the bearer is let in now, and who says so. `server`: the API server of the kubeconfig, asked with that very bearer.
 * `cluster`: the cluster's API server, asked about it. `stored`: nobody was asked; what is stored there lets it in, or does not.
 */
export interface LetIn {
  readonly is: 'yes' | 'no' | 'unknown';
  readonly by: 'server' | 'cluster' | 'stored';
}

/** What the API server in the file answers to that bearer is the truth; all else stands in for it where it was not asked. Pure. */
export function letIn(evidence: Evidence, hops: readonly Hop[]): LetIn {
  const { live, review } = evidence.webhook;
  const who = whoIsLetIn(live, userOf(evidence));
  if (who) return { is: ALLOWED[who], by: 'server' };
  // Who does not answer, or is too busy to, has not said no.
  if (live?.ok === false) return { is: SILENT.has(live.failure.reason) ? 'unknown' : 'no', by: 'server' };
  // As it stands there nobody takes it, whatever was said of the token that it was meant to be.
  const isUnsendable = hops.some(({ id, reason }) => id === 'parsed' && reason === 'MalformedBearer');
  if (isUnsendable) return { is: 'no', by: 'stored' };
  if (review?.ok) return { is: review.value.kind === 'accepted' ? 'yes' : 'no', by: 'cluster' };
  return { is: byWhatIsStored(evidence, hops), by: 'stored' };
}

/** A bearer that is lost on its way, or replaced by another, lets its user in nowhere. */
const ALLOWED: Readonly<Record<Who, LetIn['is']>> = {
  itsUser: 'yes',
  somebody: 'unknown',
  anonymous: 'no',
  another: 'no',
  nobody: 'no',
};

const SILENT: ReadonlySet<string> = new Set(['Unreachable', 'Failing']);

/** What stands in the way of a bearer however good its token is. */
const GATES: readonly HopId[] = ['parsed', 'hash', 'secret', 'webhook'];

function byWhatIsStored({ downstream, nowMs }: Evidence, hops: readonly Hop[]): LetIn['is'] {
  const state = (id: HopId): Hop['state'] | undefined => hops.find((hop) => hop.id === id)?.state;
  if (GATES.some((id) => state(id) === 'broken')) return 'no';
  const { clusterAuthToken, hashSecret, userAttribute } = downstream;
  // What was never there lets nobody in; what was deleted does, for as long as it holds the token.
  const isOfNoCluster = hops.some(({ reason }) => reason === 'ClusterNotFound');
  if (isOfNoCluster && downstream.way?.ok !== true) return 'no';
  if (!clusterAuthToken?.ok) return clusterAuthToken?.failure.reason === 'KindMissing' ? 'no' : 'unknown';
  const token = clusterAuthToken.value?.parsed;
  const isUnread = [hashSecret, userAttribute].some((read) => read?.ok === false);
  const held = { token, secret: known(hashSecret)?.parsed, user: known(userAttribute)?.parsed };
  if (judgeHeld(held, nowMs).kind === 'refused') return token && isUnread ? 'unknown' : 'no';
  return ['webhook', 'hash'].every((id) => state(id as HopId) === 'ok') ? 'yes' : 'unknown';
}
