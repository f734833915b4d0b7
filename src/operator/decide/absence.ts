import { EXT_TOKEN_SECRETS, EXT_TOKENS_NAMESPACE, TOKENS, USERS } from '../../api/names.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { type Change, diff, hashIn, isOfAnotherToken, isOfExtToken } from '../../derive/diff.ts';
import { effectiveExpiryMs } from '../../derive/expiry.ts';
import { mayHashComeBack } from '../../derive/verdict.ts';
import { userKey } from '../keys.ts';
import { oursOf, type Seen, type TokenFacts, usersOf } from './facts.ts';
import { closingOfStranger, relianceOn } from './in-the-way.ts';
import {
  type Answers,
  ask,
  done,
  type Plan,
  type Question,
  questionKey,
  requeueAfter,
  type Source,
  type Wake,
} from './plan.ts';
import { endPredecessor, isEmptied, isGoodElsewhere, movedOf } from './unwanted.ts';

/** How long to wait when the live object exists although our store does not have it: the watch lags behind. */
export const LAG_MS = 1_000;
/** How soon a token that moves to another cluster is looked at again; that cluster's success does not wake us. */
const MOVING_POLL_MS = 250;
/** How long a token that was moved may be held in its old cluster while the new one is getting it. */
const MOVE_LIMIT_MS = 10_000;
/** How soon the hash of an ext token is looked for again, should its watch not tell. */
const HASH_RETRY_MS = 60_000;
/** How soon a name is looked at again that a token of a kind has which is not read. Once it is read, it says so itself. */
const UNREAD_RETRY_MS = 10_000;

/**
 * What is to come of something that is not in our store. Undefined: it is gone for certain, and what stands for it may go.
 *
 * A told deletion plus a live "does not exist" is positive evidence and is never braked. Without it, a sweep must have
 * looked at the whole cluster first. The live read comes first of all.
 *
 * @param isGone - its deletion was told, or a sweep let its absence pass
 */
export function untilConfirmed(
  source: Omit<Source, 'about'>,
  isGone: boolean,
  answers: Answers,
): Plan | undefined {
  const question: Source = { about: 'source', ...source };
  const exists = answers.get(questionKey(question));
  if (exists === undefined) return { next: ask(question) };
  if (exists) return { next: requeueAfter(LAG_MS, true) };
  if (isGone) return undefined;
  return {
    outcome: { state: 'pending', reason: 'GCBlocked' },
    wake: ['sweep'],
    next: { kind: 'done' },
  };
}

/**
 * Tokens of `ext.cattle.io` are not read, and one of them may have this Token's name, and be the older. What is down there of one
 * is let be until it is gone for certain: the Token has never been in its place. Where nothing is, it is asked whether one is there,
 * so that the Token does not come only to go again. What is there of the Token itself is nobody else's. Undefined: go on.
 */
export function untilExtIsRead(token: Token, { seen, known, answers }: TokenFacts): Plan | undefined {
  const ours = oursOf(seen.pair);
  if (!known.isExtUnread || token.api === 'ext' || !ours.every(isOfExtToken)) return undefined;
  const question: Question =
    ours.length === 0 ? { about: 'rival', name: token.name } : { about: 'source', ...extSource(token.name) };
  const isTaken = answers.get(questionKey(question));
  if (isTaken === undefined) return { next: ask(question) };
  if (!isTaken) return undefined;
  return { outcome: { state: 'pending', reason: 'NameCollision' }, next: requeueAfter(UNREAD_RETRY_MS) };
}

/** Where to ask whether a token still exists, of which only that is left which was written for it. What strangers wrote does not say which. */
function tokenSources(
  name: string,
  pair: readonly Seen[],
  isExtCarried: boolean,
): readonly Omit<Source, 'about'>[] {
  const v3 = { resource: TOKENS, name };
  const ext = extSource(name);
  const ours = oursOf(pair);
  // Not carried by decision: what is not among those that are is absent, within the brake.
  if (!isExtCarried) return [v3];
  return ours.length === 0 ? [v3, ext] : [ours.some(isOfExtToken) ? ext : v3];
}

function extSource(name: string): Omit<Source, 'about'> {
  return { resource: EXT_TOKEN_SECRETS, namespace: EXT_TOKENS_NAMESPACE, name };
}

/**
 * The hash is gone from our ClusterAuthToken, and what it was moved to is not watched: whether that is of the token's secret decides
 * whether what is there may stay. Undefined: nothing was moved, or it was looked for.
 *
 * @param taken - the question that comes first, where that Secret is to become ours
 */
export function untilLookedFor(facts: TokenFacts, taken?: Question): Plan | undefined {
  const questions = [...(taken ? [taken] : []), movedOf(facts)];
  const open = isEmptied(facts) && questions.find((one) => facts.answers.get(questionKey(one)) === undefined);
  return open ? { next: ask(open) } : undefined;
}

/** Why what is down there must stay for now: its user may exist after all, or its new cluster not have it yet. */
export function obstacleTo(token: Token, reason: TokenReason, facts: TokenFacts): Plan | undefined {
  if (reason === 'OtherCluster') return ifJudgedRightly(untilMoved(token, facts), facts);
  if (reason === 'HashPending') return ifJudgedRightly(untilHashIsBack(token, facts), facts);
  if (reason !== 'UserNotFound') return undefined;
  const { known, answers, seen } = facts;
  const source = { resource: USERS, name: token.userName };
  const wait = untilConfirmed(source, known.isUserGone, answers);
  if (!wait) return undefined;
  // Whether all of it may go is asked first, and must not wait for this.
  const unknown = wait.next.kind === 'ask' ? undefined : untilLookedFor(facts);
  return unknown ?? { ...wait, changes: endPredecessor(token, seen.pair) };
}

/** What stays is judged by what stands there of its user: where that is another writer's, it may let in whom it should not. */
function ifJudgedRightly(stay: Plan | undefined, facts: TokenFacts): Plan | undefined {
  if (!stay) return undefined;
  const reliance = relianceOn(facts);
  if (reliance.kind === 'ask') return { next: reliance };
  return reliance.kind === 'against' ? undefined : stay;
}

/** The cluster that the token names now is about to have it. */
function untilMoved(token: Token, facts: TokenFacts): Plan | undefined {
  const { known, rules, seen, user } = facts;
  const sinceMs = known.awaitedElsewhereSinceMs;
  const isMoving = sinceMs !== undefined && rules.clock.nowMs - sinceMs < MOVE_LIMIT_MS;
  const isSame =
    !isOfAnotherToken(token, oursOf(seen.pair)) && !seen.pair.some((one) => one.isOfEarlierSecret);
  return isMoving && isSame && isGoodElsewhere(token, user, rules.clock.agreedMs)
    ? (untilLookedFor(facts) ?? { next: requeueAfter(MOVING_POLL_MS, true) })
    : undefined;
}

/** What the token is let in by is down there. */
function untilHashIsBack(token: Token, { seen, rules }: TokenFacts): Plan | undefined {
  if (!mayHashComeBack(token, oursOf(seen.pair))) return undefined;
  const leftMs = (effectiveExpiryMs(token) ?? Number.POSITIVE_INFINITY) - rules.clock.agreedMs;
  return {
    changes: endPredecessor(token, seen.pair),
    outcome: { state: 'pending', reason: 'HashPending' },
    next: requeueAfter(Math.min(HASH_RETRY_MS, leftMs), leftMs <= HASH_RETRY_MS),
  };
}

/** What is to come of a name that no token has. */
export function revokeDeleted(facts: TokenFacts): Plan {
  const { name, seen, known, answers, rules } = facts;
  const { pair } = seen;
  // That nobody ever told of such a token proves nothing of what a stranger wrote.
  const closing = known.isTokenGone ? closingOfStranger(undefined, 'Deleting', rules, pair) : [];
  if (oursOf(pair).length + closing.length === 0) return revoke(facts);
  for (const source of tokenSources(name, pair, known.isExtCarried)) {
    const wait = untilConfirmed(source, known.isTokenGone, answers);
    if (wait) return wait;
  }
  return revoke(facts, closing);
}

/** Takes away all that is ours of a name. @param closing - of a stranger's ClusterAuthToken */
export function revoke(facts: TokenFacts, closing: readonly Change[] = []): Plan {
  const ours = oursOf(facts.seen.pair);
  return {
    changes: [...closing, ...diff([], ours)],
    outcome: isGone(facts) && closing.length === 0 ? 'none' : { state: 'pending' },
    wake: usersOf(ours).map(wakeUser),
    next: done,
  };
}

export const wakeUser = (user: string): Wake => ({ key: userKey(user), lane: 'normal' });

/**
 * Whether nothing of ours is there, and the watch has told so: until then the status must not say that it is done.
 *
 * @param kept - what stays, and counts as nothing once it is empty
 */
export function isGone({ seen }: TokenFacts, kept?: KubeObject): boolean {
  const isNothing = (object: KubeObject): boolean => object === kept && hashIn(object) === undefined;
  return seen.isConfirmed && oursOf(seen.pair).every(isNothing);
}
