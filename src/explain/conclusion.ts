import { LABEL_CLUSTER } from '../api/names.ts';
import type { Token } from '../api/types.ts';
import { known } from '../plane/reading.ts';
import { type Evidence, nameOf } from './evidence.ts';
import { type Hop, type HopId, type HopReasonCode, withNames } from './hop.ts';
import { judgeCluster } from './judge-cluster.ts';
import { judgeObjects } from './judge-objects.ts';
import { judgeToken } from './judge-token.ts';
import { judgeWebhook } from './judge-webhook.ts';

/**
 * `accepted`: it would be let in, and may do what was asked about. `stillAccepted`: it was let in just now, though a hop is
 * broken: it is to be refused and is not yet, or will not always be let in. `unknown`: that could not be seen.
 */
export type Verdict = 'accepted' | 'stillAccepted' | 'refused' | 'unknown';

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
  readonly hops: readonly Hop[];
}

/** Judges every hop and says what follows: the first that is broken decides. Pure. */
export function conclude(evidence: Evidence): Explanation {
  const names = {
    token: nameOf(evidence.given),
    cluster: evidence.target.cluster ?? labelOf(evidence),
    user:
      known(evidence.management.token)?.userName ??
      known(evidence.downstream.clusterAuthToken)?.parsed.userName,
  };
  const hops = [judgeToken, judgeCluster, judgeObjects, judgeWebhook]
    .flatMap((judge) => judge(evidence))
    .map((hop) => withNames(ofKind(hop, known(evidence.management.token)), names));
  const { verdict, decisive } = verdictOf(hops, evidence);
  return {
    ...names,
    verdict,
    reason: decisive?.reason,
    message: decisive?.detail ?? `it would be let in${names.user ? ` as ${names.user}` : ''}`,
    remedy: decisive?.remedy,
    hops,
  };
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

/** Where management is away, the object itself says for which cluster it was written. */
function labelOf({ downstream }: Evidence): string | undefined {
  return known(downstream.clusterAuthToken)?.object.metadata.labels?.[LABEL_CLUSTER] ?? undefined;
}

/** In order, these suffice to know that a token is let in. */
const SUFFICIENT: readonly HopId[] = ['clusterAuthToken', 'hash', 'userAttribute', 'webhook'];

function verdictOf(
  hops: readonly Hop[],
  evidence: Evidence,
): { verdict: Verdict; decisive: Hop | undefined } {
  const broken = hops.find(({ state }) => state === 'broken');
  if (broken) return { verdict: brokenVerdict(hops, evidence), decisive: broken };
  const right = hops.find(({ id }) => id === 'right');
  if (right && right.state !== 'ok') return { verdict: 'unknown', decisive: right };
  if (isProven(evidence)) return { verdict: 'accepted', decisive: undefined };
  const doubt = SUFFICIENT.map((id) => hops.find((hop) => hop.id === id)).find((hop) => hop?.state !== 'ok');
  const secret = hops.find(({ id }) => id === 'secret');
  const open = doubt ?? (secret?.state === 'unknown' ? secret : undefined);
  if (!open) return { verdict: 'accepted', decisive: undefined };
  // A doubt without a reason of its own is the consequence of an earlier one.
  const cause = open.reason ? open : hops.find(({ state, reason }) => state === 'unknown' && reason);
  return { verdict: 'unknown', decisive: cause ?? open };
}

function brokenVerdict(hops: readonly Hop[], evidence: Evidence): Verdict {
  if (isLetIn(hops, evidence)) return 'stillAccepted';
  return isBlind(hops) ? 'unknown' : 'refused';
}

/**
 * The way to the cluster is all that is broken, so nothing of what is there was seen: a new token does not arrive, and one that
 * arrived before works.
 */
function isBlind(hops: readonly Hop[]): boolean {
  const brokenOnes = hops.filter(({ state }) => state === 'broken');
  const isUnseen = hops.find(({ id }) => id === 'clusterAuthToken')?.state === 'unknown';
  return isUnseen && brokenOnes.every(({ id }) => id === 'connection');
}

/** The bearer was let in there, by the way of its own kubeconfig. A right that is missing is a refusal all the same. */
function isLetIn(hops: readonly Hop[], evidence: Evidence): boolean {
  const state = (id: HopId): string | undefined => hops.find((hop) => hop.id === id)?.state;
  const isInTheWay = state('endpoint') === 'broken' || state('right') === 'broken';
  return isProven(evidence) && state('webhook') === 'ok' && !isInTheWay;
}

/** A bearer that was let in a moment ago needs no further proof. */
function isProven({ webhook: { review, live } }: Evidence): boolean {
  const isReviewed = review?.ok === true && review.value.kind === 'accepted';
  return isReviewed || (live?.ok === true && live.value === 'accepted');
}
