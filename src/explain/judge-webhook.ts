import { HOP_TEXTS, READ_TEXTS } from '../api/hop-reason-texts.ts';
import { DENIAL_TEXTS } from '../api/reason-texts.ts';
import type { Reading } from '../plane/reading.ts';
import type { ReviewAnswer } from '../plane/reviews.ts';
import { ANONYMOUS } from '../plane/who-am-i.ts';
import type { DaemonSet } from '../plane/workloads.ts';
import { type Evidence, nameOf, proxiedBy } from './evidence.ts';
import { broken, flawed, type Hop, type HopId, ok, skipped, unseen } from './hop.ts';
import { orBehind } from './refusal.ts';
import { letInAs, userOf, type Who, whoIsLetIn } from './who.ts';

/** Whether the API server asks an authenticator that can answer, what it answers, and what that allows. Pure. */
export function judgeWebhook(evidence: Evidence): readonly Hop[] {
  const { right } = evidence;
  return [authenticator(evidence), webhook(evidence), ...(right ? [allowed(right)] : [])];
}

function authenticator({ downstream: { daemonSets, way }, webhook: { probe } }: Evidence): Hop {
  const id = 'authenticator';
  // An answer proves more than any status.
  if (isAnswered(probe)) return ok(id, 'ace-authenticator answers');
  if (!daemonSets) return unasked(id, way);
  if (!daemonSets.ok) {
    const { reason, message } = daemonSets.failure;
    return reason === 'Forbidden'
      ? flawed(id, 'unknown', reason, READ_TEXTS, message)
      : unseen(id, 'the cluster was not reached');
  }
  const running = daemonSets.value;
  if (running.length === 0) {
    const detail = 'no DaemonSet ace-authenticator or kube-api-auth is there; it may run otherwise';
    return flawed(id, 'unknown', 'AuthenticatorMissing', HOP_TEXTS, detail);
  }
  const text = running.map(describe).join('; ');
  return running.some(({ wanted, ready }) => wanted > 0 && ready === wanted)
    ? ok(id, text)
    : broken(id, 'AuthenticatorNotReady', HOP_TEXTS, text);
}

function unasked(id: HopId, way: Evidence['downstream']['way']): Hop {
  return way && !way.ok
    ? unseen(id, 'the cluster was not reached')
    : skipped(id, 'the cluster was not asked');
}

/** Ours was asked about a token that nobody has, and gave its reason. */
export function isAnswered(probe: Reading<ReviewAnswer> | undefined): boolean {
  return probe?.ok === true && probe.value.kind === 'refused';
}

/** Stock kube-api-auth answers there, as far as can be seen, and nobody else. */
export function isStockAlone(
  daemonSets: Reading<readonly DaemonSet[]> | undefined,
  probe: Reading<ReviewAnswer> | undefined,
): boolean {
  if (!daemonSets?.ok || daemonSets.value.length === 0 || isAnswered(probe)) return false;
  return daemonSets.value.every(({ name }) => name === 'kube-api-auth');
}

export function describe({ name, version, ready, wanted }: DaemonSet): string {
  return `${name}${version ? ` ${version}` : ''}: ${ready} of ${wanted} ready`;
}

function webhook(evidence: Evidence): Hop {
  const { probe, review, live } = evidence.webhook;
  const who = whoIsLetIn(live, userOf(evidence));
  const estranged = estrangedHop(who, evidence);
  if (estranged) return estranged;
  if (proxiedBy(evidence.given) !== undefined) return byProxy(who, evidence);
  if (who === 'nobody' && (!review?.ok || review.value.kind === 'accepted')) return refusedThere(evidence);
  const probed = probe?.ok ? probedHop(probe.value) : undefined;
  if (probed && probed.state !== 'ok') return probed;
  if (review?.ok) return reviewed(review.value, evidence);
  return probed ?? unreviewed(evidence);
}

/** Let in, but not as whom the bearer is; or it cannot be known as whom. */
function estrangedHop(who: Who | undefined, evidence: Evidence): Hop | undefined {
  const id = 'webhook';
  const server = serverOf(evidence);
  const user = userOf(evidence);
  switch (who) {
    case 'anonymous':
      return broken(
        id,
        'BearerDropped',
        HOP_TEXTS,
        `${server} takes a request with this bearer for one without any (${ANONYMOUS})`,
      );
    case 'another':
      return broken(
        id,
        'LetInAsAnother',
        HOP_TEXTS,
        `${server} lets this bearer in as ${letInAs(evidence)}, and its token is of ${user}`,
      );
    case 'somebody': {
      const detail = `${server} lets somebody in, and does not say whom: that may be the token's user, or whoever shows no bearer at all`;
      return flawed(id, 'unknown', 'WhoUnknown', HOP_TEXTS, detail);
    }
    default:
      return undefined;
  }
}

/** The management plane judges the bearer itself, and asks no authenticator of a cluster. */
function byProxy(who: Who | undefined, evidence: Evidence): Hop {
  const id = 'webhook';
  const server = serverOf(evidence);
  if (who === 'nobody')
    return broken(id, 'RefusedByProxy', HOP_TEXTS, `${server} refuses this bearer: 401 Unauthorized`);
  if (who === 'itsUser')
    return ok(id, `let in as ${letInAs(evidence)} by the management plane, which asks no authenticator`);
  return skipped(id, 'the management plane judges the bearer itself, and asks no authenticator');
}

const serverOf = ({ given }: Evidence): string => (given.kind === 'kubeconfig' ? given.server : '');

/** The API server of the kubeconfig has answered the bearer itself: no other's word counts against that. */
function refusedThere(evidence: Evidence): Hop {
  const { target, webhook } = evidence;
  const { review } = webhook;
  const server = serverOf(evidence);
  if (!review?.ok) {
    return broken(
      'webhook',
      'RefusedByWebhook',
      HOP_TEXTS,
      `${server} refuses this bearer: 401 Unauthorized`,
    );
  }
  const elsewhere = `while the API server of ${target.cluster ?? 'the cluster'} that was asked lets it in`;
  return broken(
    'webhook',
    'RefusedThere',
    HOP_TEXTS,
    `${server} refuses this bearer (401 Unauthorized), ${elsewhere}`,
  );
}

/** What an API server's word on a token that nobody has says of its webhook. */
export function probedHop(answer: ReviewAnswer): Hop {
  const id = 'webhook';
  if (answer.kind === 'refused') {
    return ok(id, `asked about a token that nobody has, the authenticator says ${answer.reason}`);
  }
  if (answer.kind === 'refusedByOther')
    return ok(id, 'a webhook is asked, and refuses a token that nobody has');
  return unproven(answer);
}

/** What came of a question that no cache can have answered. */
function unproven(answer: ReviewAnswer): Hop {
  const id = 'webhook';
  switch (answer.kind) {
    case 'webhookFailed':
      return broken(id, 'WebhookUnreachable', HOP_TEXTS, `the API server asks its webhook: ${answer.cause}`);
    case 'unclear':
      return flawed(
        id,
        'unknown',
        'WebhookUnclear',
        HOP_TEXTS,
        'asked about a bearer, the API server gives as its webhook’s word what no authenticator that is known here says',
      );
    case 'accepted':
      return unseen(id, `a token that nobody has is let in as ${answer.username}`);
    default:
      return broken(
        id,
        'WebhookNotConsulted',
        HOP_TEXTS,
        'the API server refuses a well-formed bearer by itself',
      );
  }
}

function reviewed(answer: ReviewAnswer, evidence: Evidence): Hop {
  const id = 'webhook';
  const { given } = evidence;
  if (answer.kind === 'refused') {
    const forHowLong = answer.mayChange ? 'what would let it in may be on its way' : 'for good';
    const detail = `asked about this bearer, the authenticator refuses it: ${forHowLong}`;
    return orBehind(broken(id, answer.reason, DENIAL_TEXTS, detail), evidence);
  }
  if (answer.kind === 'refusedByOther' || answer.kind === 'unclear') {
    return broken(id, 'RefusedByWebhook', HOP_TEXTS, 'asked about this bearer, the webhook refuses it');
  }
  if (answer.kind !== 'accepted') return unproven(answer);
  const as = `let in as ${answer.username}`;
  if (answer.tokenId === '') return ok(id, `${as}, by an authenticator that names no token`);
  return answer.tokenId === nameOf(given) ? ok(id, as) : unseen(id, `${as}, by token ${answer.tokenId}`);
}

/** No TokenReview was answered: a request with the bearer itself may tell as much. */
function unreviewed({ webhook: { live, probe }, downstream: { way } }: Evidence): Hop {
  const id = 'webhook';
  if (live?.ok) {
    const as = live.value.kind === 'letIn' ? live.value.username : undefined;
    return ok(id, `a request with this bearer was let in as ${as}`);
  }
  const failure = probe && !probe.ok ? probe.failure : live?.failure;
  if (!failure) return unasked(id, way);
  return failure.reason === 'Forbidden'
    ? flawed(id, 'unknown', 'Forbidden', READ_TEXTS, `not seen: ${failure.message}`)
    : unseen(id, 'the cluster was not reached');
}

function allowed({ question, answer }: NonNullable<Evidence['right']>): Hop {
  const id = 'right';
  if (!answer) return skipped(id, `${question}: nobody was asked`);
  if (!answer.ok) {
    const { reason, message } = answer.failure;
    return flawed(id, 'unknown', reason, READ_TEXTS, `${question}: ${message}`);
  }
  const why = answer.value.reason === '' ? '' : ` (${answer.value.reason})`;
  return answer.value.allowed
    ? ok(id, `${question}: yes${why}`)
    : broken(id, 'NotAllowed', HOP_TEXTS, `${question}: no`);
}
