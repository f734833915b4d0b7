import { LABEL_CLUSTER } from '../api/names.ts';
import { runbookOf } from '../api/runbook.ts';
import type { Token } from '../api/types.ts';
import { known } from '../plane/reading.ts';
import { type Evidence, nameOf, proxiedBy } from './evidence.ts';
import { type Hop, type HopId, type HopReasonCode, withNames } from './hop.ts';
import { judgeCluster } from './judge-cluster.ts';
import { judgeObjects } from './judge-objects.ts';
import { judgeToken } from './judge-token.ts';
import { judgeWebhook } from './judge-webhook.ts';
import { type LetIn, letIn } from './let-in.ts';
import { letInAs, userOf } from './who.ts';

/**
 * `accepted`: the API server of the kubeconfig let it in a moment ago, and it may do what was asked about. `expected`: that server
 * was not asked with it; by all that was seen it would be let in. `stillAccepted`: it is let in, though a hop is broken: it is to be
 * refused and is not yet, or will not always be let in. `unknown`: that could not be seen.
 */
export type Verdict = 'accepted' | 'expected' | 'stillAccepted' | 'refused' | 'unknown';

/** The answer to "why is my token refused". No secret. */
export interface Explanation {
  readonly token: string | undefined;
  readonly cluster: string | undefined;
  readonly user: string | undefined;
  readonly verdict: Verdict;
  readonly reason: HopReasonCode | undefined;
  /** In one line. */
  readonly message: string;
  readonly remedy: string | undefined;
  /** Where the reason is explained. */
  readonly runbook: string | undefined;
  readonly hops: readonly Hop[];
}

/** Judges every hop and says what follows: the first that is broken decides. Pure. */
export function conclude(evidence: Evidence): Explanation {
  const names = {
    token: nameOf(evidence.given),
    cluster: evidence.target.cluster ?? labelOf(evidence),
    user: userOf(evidence) ?? letInAs(evidence),
  };
  const hops = [judgeToken, judgeCluster, judgeObjects, judgeWebhook]
    .flatMap((judge) => judge(evidence))
    .map((hop) => withNames(asked(ofKind(hop, known(evidence.management.token)), evidence), names));
  const { verdict, decisive, by } = verdictOf(hops, evidence);
  const unproven = by === 'server' ? undefined : known(evidence.downstream.way)?.unproven;
  const message = decisive?.detail ?? goodNews(verdict, evidence);
  return {
    ...names,
    verdict,
    reason: decisive?.reason,
    message: unproven ? `${message}; ${unproven}` : message,
    remedy: decisive && (verdict === 'stillAccepted' ? stillInRemedy(decisive, names) : decisive.remedy),
    runbook: decisive?.reason && runbookOf(decisive.reason),
    hops,
  };
}

/** By these somebody is to be out: to undo them first of all would be the wrong thing for a token that is still let in. */
const REVOKING: ReadonlySet<string | undefined> = new Set<HopReasonCode>([
  ...(['Disabled', 'UserDisabled', 'Expired', 'Deleting', 'TokenNotFound', 'UserNotFound'] as const),
  ...(['ClusterNotFound', 'ClusterDeleted', 'AceDisabled', 'DrainRequested'] as const),
]);
const STILL_IN =
  'it is out when the operator has taken it away and the caches of the API server have ended; if it stays, look at kubectl ace status CLUSTER';

function stillInRemedy(hop: Hop, names: Parameters<typeof withNames>[1]): string | undefined {
  if (!REVOKING.has(hop.reason)) return hop.remedy;
  const { remedy } = withNames({ ...hop, remedy: STILL_IN }, names);
  return hop.remedy === undefined ? remedy : `${remedy}. If it is to be let in: ${hop.remedy}`;
}

/** What is done to a Token is done to a token of the other kind by the other API, or by nobody. */
const EXT_REMEDIES: Partial<Record<HopReasonCode, string>> = {
  Disabled: `kubectl patch tokens.ext.cattle.io TOKEN --type merge -p '{"spec":{"enabled":true}}'`,
  Malformed: 'issue a new token: Rancher cannot read this one either',
  HashPending: 'wait; if it stays, look at the Secret TOKEN in namespace cattle-tokens',
};

function ofKind(hop: Hop, token: Token | undefined): Hop {
  const remedy = token?.api === 'ext' && hop.reason ? EXT_REMEDIES[hop.reason] : undefined;
  return remedy === undefined ? hop : { ...hop, remedy };
}

const ASK_THE_PLANE =
  'the management plane knows why: ask again with a kubeconfig of it (--kubeconfig FILE, or $KUBECONFIG), or ask somebody who has one';

/** A server does not tell the bearer why it is refused: where the Token was not read, nothing above says it either. */
function asked(hop: Hop, { management }: Evidence): Hop {
  const isBlind = hop.reason === 'RefusedByWebhook' && management.token?.ok === false;
  return isBlind ? { ...hop, remedy: ASK_THE_PLANE } : hop;
}

/** Where management is away, the object itself says for which cluster it was written. */
function labelOf({ downstream }: Evidence): string | undefined {
  return known(downstream.clusterAuthToken)?.object.metadata.labels?.[LABEL_CLUSTER] ?? undefined;
}

/** In order, these suffice to know that a token is let in. */
const SUFFICIENT: readonly HopId[] = ['clusterAuthToken', 'hash', 'userAttribute', 'webhook', 'secret'];

interface Decided {
  readonly verdict: Verdict;
  readonly decisive: Hop | undefined;
}

function verdictOf(hops: readonly Hop[], evidence: Evidence): Decided & Pick<LetIn, 'by'> {
  const { is, by } = letIn(evidence, hops);
  return { ...decided(hops, is, by), by };
}

function decided(hops: readonly Hop[], is: LetIn['is'], by: LetIn['by']): Decided {
  const broken = hops.find(({ state }) => state === 'broken');
  if (is === 'no') return { verdict: 'refused', decisive: broken ?? doubtIn(hops) };
  const right = hops.find(({ id }) => id === 'right');
  // Let in, and not allowed what was asked about.
  if (right?.state === 'broken' && is === 'yes') return { verdict: 'refused', decisive: broken };
  if (is === 'unknown') return { verdict: 'unknown', decisive: broken ?? doubtIn(hops) };
  if (broken) return { verdict: 'stillAccepted', decisive: broken };
  if (right && right.state !== 'ok') return { verdict: 'unknown', decisive: right };
  return { verdict: by === 'server' ? 'accepted' : 'expected', decisive: undefined };
}

/** What was not seen, where nothing is broken. */
function doubtIn(hops: readonly Hop[]): Hop | undefined {
  const detour = hops.find(({ reason }) => reason === 'NotAnAce');
  if (detour) return detour;
  const doubt = SUFFICIENT.map((id) => hops.find((hop) => hop.id === id)).find((hop) => hop?.state !== 'ok');
  // A doubt without a reason of its own is the consequence of an earlier one.
  return doubt?.reason ? doubt : (hops.find(({ state, reason }) => state === 'unknown' && reason) ?? doubt);
}

function goodNews(verdict: Verdict, evidence: Evidence): string {
  const user = letInAs(evidence) ?? userOf(evidence);
  const as = user ? ` as ${user}` : '';
  const way =
    proxiedBy(evidence.given) === undefined ? '' : ", by the management plane's proxy; no ACE is asked";
  return verdict === 'accepted'
    ? `it is let in${as}${way}`
    : `it would be let in${as}; its API server was not asked with the bearer, which -f FILE does`;
}
