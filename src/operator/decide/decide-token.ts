import { isParked } from '../../api/parked-token.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import type { HashToWrite } from '../../derive/desired.ts';
import { type Change, diff, isMarkOnly } from '../../derive/diff.ts';
import { judgeToken, type TokenVerdict } from '../../derive/verdict.ts';
import {
  isGone,
  LAG_MS,
  obstacleTo,
  revoke,
  revokeDeleted,
  untilExtIsRead,
  untilLookedFor,
  wakeUser,
} from './absence.ts';
import { oursOf, type TokenFacts, usersOf } from './facts.ts';
import {
  closingOfStranger,
  emptying,
  hashWanted,
  inTheWay,
  inWords,
  keptEmpty,
  matchHash,
  mayBeTaken,
  needsSecret,
  openingOfStranger,
  oursOrAdopted,
  ownBesideStranger,
  placedInline,
  type Reliance,
  relianceOn,
  staysInline,
} from './in-the-way.ts';
import {
  type AboutNotice,
  ask,
  atExpiry,
  done,
  type Outcome,
  type Plan,
  type Question,
  questionKey,
  requeueAfter,
} from './plan.ts';
import { desiredOf, endPredecessor, isMoved, movedHash, takenOf } from './unwanted.ts';

/** How soon it is looked again whether a disabled user is disabled in the cluster. */
const GATE_POLL_MS = 1_000;
/** After someone else's object was in the way: Secrets that are not ours are not watched. */
const CONFLICT_RETRY_MS = 60_000;

/** What makes one token match in one cluster: Secret and ClusterAuthToken there, current, or gone. */
export function decideToken(facts: TokenFacts): Plan {
  const { rules, token, user, seen } = facts;
  if (rules.mode === 'drain') return revoke(facts);
  if (!token) return revokeDeleted(facts);
  const context = { cluster: rules.place.cluster, aceEnabled: true, nowMs: rules.clock.agreedMs };
  const verdict = judgeToken(token, user, context);
  const isNothingThere = oursOf(seen.pair).length === 0;
  const wait = verdict.wanted || !isNothingThere ? untilExtIsRead(token, facts) : undefined;
  if (wait) return wait;
  return verdict.wanted ? serve(token, verdict, facts) : refuse(token, verdict.reason, facts);
}

type Against = Extract<Reliance, { kind: 'against' }>;
type Wanted = Extract<TokenVerdict, { wanted: true }>;

/** It is to be there, unless something of another's keeps it away. */
function serve(token: Token, verdict: Wanted, facts: TokenFacts): Plan {
  const { rules, seen } = facts;
  const stranger = seen.refusedBy ?? inTheWay(rules, seen.pair, undefined);
  if (stranger !== undefined && !staysInline(token, stranger, seen.pair))
    return conflict(token, stranger, facts);
  const reliance = relianceOn(facts);
  if (reliance.kind === 'ask') return { next: reliance };
  if (reliance.kind === 'lagging') return { next: requeueAfter(LAG_MS, true) };
  if (reliance.kind === 'against')
    return conflict(token, `ClusterUserAttribute ${token.userName}`, facts, reliance);
  return stranger === undefined ? propagate(token, verdict, facts) : beside(stranger, token, verdict, facts);
}

function propagate(token: Token, verdict: Wanted, facts: TokenFacts): Plan {
  const { hash, rules } = facts;
  const unknown = untilLookedFor(facts, takenOf(facts));
  if (unknown) return unknown;
  if (isMoved(facts)) return leaveMoved(token, verdict, facts);
  if (hash.kind === 'toMake') return waitForHash(token, verdict, facts);
  if (hash.kind === 'ready') return match(token, verdict, hash.hash, facts);
  // What our own algorithm cannot take says nothing about the token: a paused cluster keeps what it has.
  const isOurLimit = hash.reason !== 'UnsupportedHash';
  if (isOurLimit && rules.isPaused) return waitPaused(token, verdict, facts);
  return refuse(token, hash.reason, facts, hash.message);
}

/** The hash stays where someone moved it. Where it should be in a Secret of ours, that one cannot be, or may not be for now. */
function leaveMoved(token: Token, verdict: Wanted, facts: TokenFacts): Plan {
  const { rules } = facts;
  if (!needsSecret(rules.place.storage)) return match(token, verdict, 'as it is', facts);
  if (rules.isPaused) return waitPaused(token, verdict, facts);
  return beside(`Secret ${token.name}`, token, verdict, facts);
}

/** No worker waits for a hash: the key comes back when it is there. */
function waitForHash(token: Token, verdict: Wanted, { seen, rules, answers }: TokenFacts): Plan {
  const question: Question = { about: 'hash', uid: token.uid };
  if (answers.get(questionKey(question)) !== false) return { next: ask(question) };
  return {
    changes: endPredecessor(token, seen.pair),
    outcome: { state: 'pending', reason: 'HashPending' },
    next: atExpiry(verdict, rules.clock),
  };
}

/** @param hash - `as it is`: someone moved it, and it stays where it is now */
function match(token: Token, verdict: Wanted, hash: HashToWrite | 'as it is', facts: TokenFacts): Plan {
  const { rules, seen } = facts;
  const desired = desiredOf(token, verdict.expiresAtMs, hash, facts);
  const isOurs = (object: KubeObject): boolean => oursOf(seen.pair).includes(object);
  const current = oursOrAdopted(desired, seen.pair, rules);
  const move = movedHash(token, desired, current, facts);
  const changes = diff(move?.desired ?? desired, move?.current ?? current, isOurs);
  if (changes.length === 0 && move) return { outcome: { state: 'pending' }, next: requeueAfter(move.waitMs) };
  if (changes.length === 0) return settle(token, verdict, facts);
  return rules.isPaused ? waitPaused(token, verdict, facts) : write(token, verdict, changes, facts);
}

/** ClusterUserAttribute, Secret, ClusterAuthToken: at no moment can the authenticator see half. */
function write(token: Token, verdict: Wanted, changes: readonly Change[], facts: TokenFacts): Plan {
  const { seen, rules, answers } = facts;
  const secret: Question = { about: 'secret', name: token.name };
  const isTaken = mayBeTaken(facts) ? answers.get(questionKey(secret)) : false;
  if (isTaken === undefined) return { next: ask(secret) };
  if (isTaken) return beside(`Secret ${token.name}`, token, verdict, facts);
  const user: Question = { about: 'user', name: token.userName };
  // Of a disabled user nothing is written before the cluster, too, has been told that he is disabled.
  const isGateOpen = verdict.userDisabled && seen.attribute?.object['enabled'] === true;
  // One that is to be taken over goes first, too: by another writer's nobody's groups would be kept current.
  const isThere = seen.attribute?.isOurs || relianceOn(facts).kind === 'relied on';
  const isUserDone = isThere && !isGateOpen ? true : answers.get(questionKey(user));
  if (isUserDone === false) return conflict(token, `ClusterUserAttribute ${token.userName}`, facts);
  const pending = { notices: repairNotice(token, changes, facts), outcome: { state: 'pending' } } as const;
  if (isUserDone === undefined) return { ...pending, next: ask(user) };
  if (isGateOpen) return { ...pending, next: requeueAfter(GATE_POLL_MS) };
  return { ...pending, changes, next: atExpiry(verdict, rules.clock) };
}

/** Another's object has a name that the token needs. Where it keeps nobody out, the token is kept current; the name is told all the same. */
function beside(stranger: string, token: Token, verdict: Wanted, facts: TokenFacts): Plan {
  if (!staysInline(token, stranger, facts.seen.pair)) return conflict(token, stranger, facts);
  const plan = propagate(token, verdict, placedInline(facts));
  const { outcome, next, wake } = plan;
  const waitsFor = typeof outcome === 'object' && outcome.state === 'pending' ? outcome.reason : undefined;
  // Only what is taken away whole wakes others.
  if (next.kind === 'ask' || waitsFor !== undefined || wake !== undefined) return plan;
  const message = `${inWords(stranger, facts)}; until then the hash in its ClusterAuthToken lets it in`;
  const isDueFirst = next.kind === 'requeueAfter' && next.delayMs < CONFLICT_RETRY_MS;
  return {
    ...plan,
    ...letsIn(refusal(token, 'Conflict', facts, message)),
    next: isDueFirst ? next : requeueAfter(CONFLICT_RETRY_MS),
  };
}

/** A suspended cluster: what is down there stays, unless it is of an earlier token or of an earlier secret. */
function waitPaused(token: Token, verdict: Wanted, { seen, rules }: TokenFacts): Plan {
  return {
    changes: endPredecessor(token, seen.pair),
    // Told after the changes: what is waiting for a person ends the clocks of report/lag.ts.
    outcome: { state: 'pending', reason: 'Suspended' },
    next: atExpiry(verdict, rules.clock),
  };
}

/** Nothing is left to do; it counts as synced once the watch, too, has told so. */
function settle(token: Token, verdict: Wanted, { seen, rules }: TokenFacts): Plan {
  const next = atExpiry(verdict, rules.clock);
  if (!seen.isConfirmed) return { outcome: { state: 'pending' }, next };
  const isNews = seen.before?.state === 'pending' && seen.before.reason === undefined;
  const message = `Token ${token.name} is usable in cluster ${rules.place.cluster}`;
  return {
    notices: isNews ? [{ about: token, reason: 'Propagated', message, warning: false }] : [],
    // The name is settled: the result of hashing is downstream now, and need not be kept.
    forgetHash: token.uid,
    outcome: verdict.userDisabled
      ? { state: 'refused', reason: 'UserDisabled' }
      : { state: 'synced', version: token.resourceVersion },
    next,
  };
}

/** Rule: a token that was in sync for this very version and has to be written again was changed down there. */
function repairNotice(
  token: Token,
  changes: readonly Change[],
  { seen: { before }, rules }: TokenFacts,
): readonly AboutNotice[] {
  if (before?.state !== 'synced' || before.version !== token.resourceVersion) return [];
  if (changes.every(isMarkOnly)) return [];
  return [
    {
      about: token,
      reason: 'Repaired',
      message: `Objects of Token ${token.name} in cluster ${rules.place.cluster} were changed or deleted there and are being restored`,
      warning: true,
    },
  ];
}

/** A token that exists but does not belong here: whatever we wrote for it goes. */
function refuse(token: Token, reason: TokenReason, facts: TokenFacts, message?: string): Plan {
  const { seen, rules } = facts;
  // The cluster is another replica's since a moment ago: it is for that one to judge.
  if (isParked(token) && token.clusterName === rules.place.cluster) return { next: requeueAfter(LAG_MS) };
  const ours = oursOf(seen.pair);
  const kept = keptEmpty(token, reason, seen.pair);
  const closing = closingOfStranger(token, reason, rules, seen.pair);
  const obstacle = ours.length + closing.length > 0 ? obstacleTo(token, reason, facts) : undefined;
  if (obstacle) return obstacle;
  const removal = {
    // The cluster that a token was moved to may be waiting for that very hash.
    ...(reason === 'OtherCluster' ? {} : { forgetHash: token.uid }),
    changes: [
      ...closing,
      ...emptying(token, kept, rules),
      ...diff(
        [],
        ours.filter((one) => one !== kept),
      ),
    ],
    // Of a parked token nobody knows the user.
    wake: (isParked(token) ? usersOf(ours) : [token.userName]).map(wakeUser),
    next: done,
  } as const;
  if (!isGone(facts, kept) || closing.length > 0) return { ...removal, outcome: { state: 'pending' } };
  if (reason === 'OtherCluster' || reason === 'NotScoped') return { ...removal, outcome: 'none' };
  return { ...removal, ...refusal(token, reason, facts, message ?? token.problem) };
}

type Refusal = Pick<Plan, 'notices'> & { readonly outcome: Extract<Outcome, { state: 'refused' }> };

/** Refused is what was asked for; what there is of ours lets in by what another wrote, or beside it. */
function letsIn({ outcome, ...told }: Refusal): Refusal {
  return { ...told, outcome: { ...outcome, letsIn: true } };
}

/** Where a refusal leaves the key, and what a person is told: once a reason. */
function refusal(
  token: Token,
  reason: TokenReason,
  { seen: { before }, rules }: TokenFacts,
  message?: string,
): Refusal {
  const isNew = before?.state !== 'refused' || before.reason !== reason;
  const notice: AboutNotice = {
    about: token,
    reason,
    message: `Token ${token.name} is refused in cluster ${rules.place.cluster}: ${reason}${message ? ` (${message})` : ''}`,
    warning: WARNINGS.has(reason),
  };
  return {
    notices: isNew ? [notice] : [],
    outcome: { state: 'refused', reason, ...(message ? { message } : {}) },
  };
}

/** What a person did not ask for. The others are the ordinary end of a token. */
const WARNINGS: ReadonlySet<TokenReason> = new Set([
  'Malformed',
  'UnsupportedHash',
  'SecretTooLong',
  'Conflict',
]);

/**
 * Our half of a pair must not complete a stranger's, nor be judged by groups and switches that are not ours; unless it is the hash
 * by which a stranger's ClusterAuthToken lets in whom it should.
 */
function conflict(
  token: Token,
  object: string,
  facts: TokenFacts,
  { why, untilMs }: Pick<Against, 'why' | 'untilMs'> = { why: undefined },
): Plan {
  const { pair } = facts.seen;
  const own = ownBesideStranger(token, pair);
  const opening = openingOfStranger(token, facts);
  const leftMs = (untilMs ?? Number.POSITIVE_INFINITY) - facts.rules.clock.latestMs;
  const retryMs = Math.min(CONFLICT_RETRY_MS, Math.max(0, leftMs));
  const told = refusal(token, 'Conflict', facts, inWords(object, facts, why));
  return {
    ...(own ? letsIn(told) : told),
    changes: [...(own ? matchHash(token, own, facts) : diff([], oursOf(pair))), ...opening],
    next: (own && hashWanted(token, own, facts)) ?? requeueAfter(retryMs),
  };
}
