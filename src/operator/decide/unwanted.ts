import { ANNOTATION_FINGERPRINT, CLUSTER_AUTH_TOKENS, SECRETS } from '../../api/names.ts';
import type { KubeObject, Token, User } from '../../api/types.ts';
import { desiredTokenObjects, type HashToWrite } from '../../derive/desired.ts';
import { type Change, diff, hashIn, hasLostHash, isOfAnotherToken, sourceUid } from '../../derive/diff.ts';
import { effectiveExpiryMs, formatTime } from '../../derive/expiry.ts';
import { judgeToken, mayHashComeBack } from '../../derive/verdict.ts';
import { oursOf, type PairOfUser, type Rules, type Seen, type TokenFacts } from './facts.ts';
import { NO_HASH, needsSecret } from './in-the-way.ts';
import { type Question, questionKey } from './plan.ts';

/**
 * Takes away what is down there of this token's earlier user, of its earlier secret, or of an earlier token of this name with
 * another secret. That one ends now, whatever the present one waits for: its hash, its user, or a suspended cluster. One with the
 * same user and secret does not: to those who use it, a token that was made again is the same token.
 */
export function endPredecessor(token: Token, pair: readonly Seen[]): readonly Change[] {
  const ours = oursOf(pair);
  // A pair of another user goes whole: its Secret alone would complete the next ClusterAuthToken of that name.
  if (ours.some((object) => isOfAnotherUser(token, object))) return diff([], ours);
  const earlier = oursOf(pair.filter(({ isOfEarlierSecret }) => isOfEarlierSecret));
  return diff([], earlier.length > 0 && isOfAnotherToken(token, ours) ? ours : earlier);
}

function isOfAnotherUser(token: Token, object: KubeObject): boolean {
  return object.kind === CLUSTER_AUTH_TOKENS.kind && object['userName'] !== token.userName;
}

/**
 * Whether a ClusterAuthToken would let in somebody who is to be out, if only its user were let in. What refuses by what stands
 * in it does not; nor does what nobody knows to be revoked, and stays: for as long as it does, its user would be out with all tokens.
 */
export function isUnwanted(pair: PairOfUser, user: User, { place, clock }: Rules): boolean {
  const { clusterAuthToken, token } = pair;
  if (clusterAuthToken['enabled'] === false || pair.isOfUnread) return false;
  if (!token) return !isLeftToPerson(pair);
  if (token.userName !== user.name || pair.isOfEarlierSecret) return true;
  // What is to replace it comes first. Where that cannot be, the user is not kept out for it.
  if (pair.isOfUnknownSecret && !isHopeless(pair)) return true;
  const verdict = judgeToken(token, user, {
    cluster: place.cluster,
    aceEnabled: true,
    nowMs: clock.agreedMs,
  });
  if (verdict.wanted) return false;
  if (verdict.reason === 'OtherCluster' && pair.isMoving)
    return !isGoodElsewhere(token, user, clock.agreedMs);
  if (verdict.reason === 'HashPending') return !mayHashComeBack(token, pair.ours);
  return !(verdict.reason === 'Expired' && hasExpired(clusterAuthToken, token));
}

function isLeftToPerson({ before }: Pick<PairOfUser, 'before'>): boolean {
  return before?.state === 'pending' && before.reason === 'GCBlocked';
}

/** Wanted, and yet it cannot be written: its hash, or someone else's object, is in the way. */
export function isHopeless({ before }: Pick<PairOfUser, 'before'>): boolean {
  return before?.state === 'refused' && before.reason !== 'UserDisabled';
}

/** Whoever reads it refuses it by the very time by which we judged the token. */
function hasExpired(
  { expiresAt }: PairOfUser['clusterAuthToken'],
  token: NonNullable<PairOfUser['token']>,
): boolean {
  const endsAtMs = effectiveExpiryMs(token);
  return typeof expiresAt === 'string' && endsAtMs !== undefined && expiresAt <= formatTime(endsAtMs);
}

/** Whether a token that was moved is good where it is scoped now. One that was revoked at the same time has no move to wait for. */
export function isGoodElsewhere(token: Token, user: User | undefined, nowMs: number): boolean {
  return judgeToken(token, user, { cluster: token.clusterName, aceEnabled: true, nowMs }).wanted;
}

/**
 * UID for which both halves of the pair were written that is there, where that token had the same user and secret: to those who use
 * it, it is the same token, and at no moment may its hash seem to be another's. Undefined where there is none.
 */
function uidBefore(
  token: Token,
  { hash }: { readonly hash: string },
  ours: readonly KubeObject[],
): string | undefined {
  const written = ours.find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
  const secret = ours.find(({ kind }) => kind === SECRETS.kind);
  if (!written || !secret || hashIn(secret) !== hash || isOfAnotherUser(token, written)) return undefined;
  const uid = sourceUid(written);
  return uid !== token.uid && uid === sourceUid(secret) ? uid : undefined;
}

/** What is to be there of a token. @param hash - `as it is`: someone moved it, and it stays where it is now */
export function desiredOf(
  token: Token,
  expiresAtMs: number | undefined,
  hash: HashToWrite | 'as it is',
  { rules, seen }: TokenFacts,
): readonly KubeObject[] {
  if (hash === 'as it is')
    return desiredTokenObjects(token, expiresAtMs, NO_HASH, rules.place).map(keepingHash);
  const earlierUid = uidBefore(token, hash, oursOf(seen.pair));
  return desiredTokenObjects(token, expiresAtMs, hash, rules.place, earlierUid);
}

/** How long both places keep a hash that is moved: whoever reads them by two watches is told of both by then. */
const TWO_PLACES_MS = 5_000;

/** What is to be there while a hash is moved from one place to the other. */
export interface MovedHash {
  readonly desired: readonly KubeObject[];
  readonly current: readonly KubeObject[];
  /** How long it stays so. */
  readonly waitMs: number;
}

/**
 * Keeps a hash in its old place, too, until the watches have told of the new one for a while. Authenticators see the two places by
 * two watches: one that hears of the clearing first would find no hash at all. Undefined where nothing is moved, or long enough.
 *
 * Only what is for certain of the present secret is kept for that: an earlier one's, or one that somebody put there, goes at once.
 * Nor is what is switched off, by which nobody is let in.
 *
 * @param current - what is there and ours, or taken over
 */
export function movedHash(
  token: Token,
  desired: readonly KubeObject[],
  current: readonly KubeObject[],
  { rules, seen }: TokenFacts,
): MovedHash | undefined {
  const waitMs = TWO_PLACES_MS - (rules.clock.nowMs - (seen.hashTwiceSinceMs ?? rules.clock.nowMs));
  const isEarlier = seen.pair.some((one) => one.isOfEarlierSecret) || isOfAnotherToken(token, current);
  if (rules.isPaused || waitMs <= 0 || isEarlier) return undefined;
  const secret = current.find(({ kind }) => kind === SECRETS.kind);
  const written = current.find(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind);
  const old = rules.place.storage === 'inline' ? secret : written;
  const isPresent = seen.pair.some(({ object, isOfPresentSecret }) => object === old && isOfPresentSecret);
  if (!isPresent || !written || written['enabled'] === false || isOfAnotherUser(token, written))
    return undefined;
  if (rules.place.storage === 'inline')
    return { desired, current: current.filter((object) => object !== secret), waitMs };
  return { desired: desired.map(keepingHash), current, waitMs };
}

/**
 * Whether our ClusterAuthToken held a hash, as its mark says, and does not any more: kube-api-auth of 0.2.5 and later moves it into a
 * Secret with the first log-in. To put it back would be undone with the next.
 */
export function isEmptied({ seen }: Pick<TokenFacts, 'seen'>): boolean {
  const ours = oursOf(seen.pair);
  const isInSecret = ours.some((object) => object.kind === SECRETS.kind && hashIn(object) !== undefined);
  return (
    !isInSecret && ours.some((object) => object.kind === CLUSTER_AUTH_TOKENS.kind && hasLostHash(object))
  );
}

/** The question for the Secret into which the hash may have been moved. */
export function movedOf({ name }: Pick<TokenFacts, 'name'>): Question {
  return { about: 'moved', name };
}

/** The same where that Secret is to become ours: only where it may be written. */
export function takenOf({ name, rules }: Pick<TokenFacts, 'name' | 'rules'>): Question | undefined {
  return rules.isPaused || !needsSecret(rules.place.storage) ? undefined : { about: 'taken', name };
}

/** Whether it was found there, of the present secret, and that Secret stays another's. */
export function isMoved(facts: TokenFacts): boolean {
  return isEmptied(facts) && facts.answers.get(questionKey(movedOf(facts))) === true;
}

/** What is desired of a ClusterAuthToken, but for its hash and the mark of that, which stay as they are. */
function keepingHash(object: KubeObject): KubeObject {
  if (object.kind !== CLUSTER_AUTH_TOKENS.kind) return object;
  const { [ANNOTATION_FINGERPRINT]: _mark, ...annotations } = object.metadata.annotations ?? {};
  const { hash: _none, ...fields } = object;
  return { ...fields, metadata: { ...object.metadata, annotations } } as KubeObject;
}
