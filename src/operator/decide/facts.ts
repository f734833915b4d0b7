// decide/: what is to be done with a key, from facts alone. No request, no clock, no store.

import type { TokenReason } from '../../api/reasons.ts';
import type { HashAlgorithmName, KubeObject, Token, User, UserAttribute } from '../../api/types.ts';
import type { Mode } from '../../derive/cluster-facts.ts';
import type { HashToWrite, Placement } from '../../derive/desired.ts';
import { effectiveExpiryMs } from '../../derive/expiry.ts';
import { isOthersTurn } from '../../derive/other-writer.ts';
import { detectFormat } from '../../hash/detect.ts';
import { acceptsSecret, maxSecretBytes } from '../../hash/limits.ts';
import type { Answers, Outcome } from './plan.ts';

/** What holds in the cluster at this moment. */
export interface Rules {
  /** Where our objects are, downstream, and whose they are. */
  readonly place: Placement;
  readonly algorithm: HashAlgorithmName;
  readonly mode: Mode;
  /** Suspended, on hold, or of an unknown spec: nothing is added or repaired. Revocations go on all the same. */
  readonly isPaused: boolean;
  /** What others wrote under our names is taken over. */
  readonly adopts: boolean;
  readonly clock: Clock;
}

/** Milliseconds since the epoch. */
export interface Clock {
  readonly nowMs: number;
  /**
   * The earlier of our clock and the management plane's: only what is past for both has expired. What stands in the cluster
   * refuses by its own clock meanwhile; to take it away early would keep somebody out.
   */
  readonly agreedMs: number;
  /** The later of the two: how long something is there by whichever clock says more. */
  readonly latestMs: number;
}

/** An object that is there. */
export interface Seen {
  readonly object: KubeObject;
  readonly isOurs: boolean;
  /** Id of the other Cluster of this installation that it belongs to: both lead to the same API server. */
  readonly sibling?: string | undefined;
  /** Its hash is for certain of another secret than the token has now. False where nobody can tell. */
  readonly isOfEarlierSecret: boolean;
  /** Its hash is for certain of the secret that the token has now. */
  readonly isOfPresentSecret: boolean;
}

/** The hash that a token should have downstream. */
export type HashFact =
  | { readonly kind: 'ready'; readonly hash: HashToWrite }
  | { readonly kind: 'toMake' }
  | { readonly kind: 'refused'; readonly reason: TokenReason; readonly message: string };

/** A hash that no authenticator verifies, or a secret that our algorithm cannot take; undefined where neither is so. */
export function refusedHash({ secret }: Token, algorithm: HashAlgorithmName): HashFact | undefined {
  if (secret.kind === 'hashed' && detectFormat(secret.value) === undefined) {
    return {
      kind: 'refused',
      reason: 'UnsupportedHash',
      message: 'the stored hash is of no format that an authenticator verifies; issue a new token',
    };
  }
  if (secret.kind !== 'plain' || acceptsSecret(algorithm, secret.value)) return undefined;
  const longest = maxSecretBytes(algorithm);
  if (Buffer.byteLength(secret.value) <= longest) {
    return {
      kind: 'refused',
      reason: 'Malformed',
      message: `token: ${algorithm} cannot take this secret; issue another`,
    };
  }
  return {
    kind: 'refused',
    reason: 'SecretTooLong',
    message: `the secret is longer than the ${longest} bytes that ${algorithm} takes; issue a shorter one or choose another algorithm`,
  };
}

/** All that a decision about one token's name may know, of one moment. */
export interface TokenFacts {
  readonly name: string;
  readonly rules: Rules;
  readonly token: Token | undefined;
  readonly user: User | undefined;
  readonly seen: SeenOfToken;
  readonly hash: HashFact;
  readonly known: KnownOfToken;
  readonly answers: Answers;
}

export interface SeenOfToken {
  /** Secret and ClusterAuthToken of that name, whoever wrote them, in write order. */
  readonly pair: readonly Seen[];
  /** The ClusterUserAttribute of the token's user. */
  readonly attribute: Seen | undefined;
  /** The watch has told all that we wrote to the pair. */
  readonly isConfirmed: boolean;
  /** Since when the watches have told that Secret and ClusterAuthToken both hold a hash; milliseconds since the epoch. */
  readonly hashTwiceSinceMs?: number | undefined;
  /** Where the key stood until now. */
  readonly before: Outcome | undefined;
  /** Someone else's object that refused our write a turn ago, as `Kind name`. */
  readonly refusedBy: string | undefined;
}

export interface KnownOfToken {
  /** Its deletion was told, or a sweep let its absence pass. */
  readonly isTokenGone: boolean;
  /** Tokens of `ext.cattle.io` are carried. */
  readonly isExtCarried: boolean;
  /** They cannot be read at present: that one of them does not have this name says nothing. */
  readonly isExtUnread: boolean;
  /** The same of its user; what was told of the token counts, too. */
  readonly isUserGone: boolean;
  /** What is said of its user's groups. */
  readonly userAttribute: UserAttribute | undefined;
  /** Since when the cluster that the token names now is about to have it; milliseconds since the epoch. */
  readonly awaitedElsewhereSinceMs: number | undefined;
}

/** All that a decision about one user's name may know, of one moment. */
export interface UserFacts {
  readonly name: string;
  readonly rules: Rules;
  readonly user: User | undefined;
  readonly attribute: UserAttribute | undefined;
  readonly seen: SeenOfUser;
  /** The user's tokens of this cluster. Not a list: looking ends with the first that is wanted. */
  readonly tokens: Iterable<TokenOfUser>;
  /** The user's deletion was told, or a sweep let the absence pass. */
  readonly isGone: boolean;
  readonly answers: Answers;
}

export interface SeenOfUser {
  readonly object: Seen | undefined;
  /** Names of this user's ClusterAuthTokens that we wrote. */
  readonly tokens: readonly string[];
  /** The same with what is known of them. Not a list: it is asked for only where the user is about to be let in. */
  readonly pairs: Iterable<PairOfUser>;
  readonly isConfirmed: boolean;
  readonly before: Outcome | undefined;
  readonly refusedBy: string | undefined;
}

/** A ClusterAuthToken that we wrote for the user, and what is known of the token that it is of. */
export interface PairOfUser {
  readonly clusterAuthToken: KubeObject;
  /** What is ours of that name, the ClusterAuthToken with it. */
  readonly ours: readonly KubeObject[];
  /** The token of that name. */
  readonly token: Token | undefined;
  /** It is of a token of `ext.cattle.io`; those are not read at present, and nobody told of its deletion. */
  readonly isOfUnread: boolean;
  readonly isOfEarlierSecret: boolean;
  /** Of which secret its hash is, nobody can tell: it will be replaced, or checked. */
  readonly isOfUnknownSecret: boolean;
  /** It is held here for the moment in which another cluster is getting it. */
  readonly isMoving: boolean;
  /** Where the token's key stands. */
  readonly before: Outcome | undefined;
}

export interface TokenOfUser {
  readonly token: Token;
  /** Where its key stands. */
  readonly before: Outcome | undefined;
}

/** `live` was just read: nothing watches ConfigMaps. */
export interface SettingFacts {
  readonly rules: Rules;
  readonly value: string | undefined;
  readonly live: Pick<Seen, 'object' | 'isOurs'> | undefined;
}

/** What we wrote, of what is there. */
export function oursOf(seen: readonly Seen[]): readonly KubeObject[] {
  return seen.filter(({ isOurs }) => isOurs).map(({ object }) => object);
}

/** Whom our ClusterAuthTokens are of, as they say. */
export function usersOf(ours: readonly KubeObject[]): readonly string[] {
  return ours.map((object) => object['userName']).filter((user) => typeof user === 'string');
}

/**
 * Whether the same changes follow from both, so that they need not be decided again. By identity: what the stores hold is
 * never changed in its place. False where it is not plain.
 */
export function isSameMoment(a: TokenFacts, b: TokenFacts): boolean {
  return (
    a.token === b.token &&
    a.user === b.user &&
    a.answers === b.answers &&
    isSameHash(a.hash, b.hash) &&
    areSameRules(a.rules, b.rules) &&
    isOver(a) === isOver(b) &&
    isTurnOfOthers(a) === isTurnOfOthers(b) &&
    isSameView(a, b) &&
    areKnownTheSame(a, b)
  );
}

function isSameHash(a: TokenFacts['hash'], b: TokenFacts['hash']): boolean {
  return a.kind === 'ready' && b.kind === 'ready' && a.hash === b.hash;
}

/** All but the clocks. */
function areSameRules({ clock: _, place, ...a }: Rules, b: Rules): boolean {
  return isSameRecord(a, b) && isSameRecord(place, b.place);
}

function isSameRecord<T extends object>(a: T, b: T): boolean {
  return (Object.keys(a) as (keyof T)[]).every((name) => a[name] === b[name]);
}

function isOver({ token, rules }: TokenFacts): boolean {
  const expiresAtMs = token && effectiveExpiryMs(token);
  return expiresAtMs !== undefined && expiresAtMs <= rules.clock.agreedMs;
}

function isTurnOfOthers({ token, rules }: TokenFacts): boolean {
  return token !== undefined && isOthersTurn(token, rules.clock.latestMs);
}

function isSameView({ seen: a }: TokenFacts, { seen: b }: TokenFacts): boolean {
  return (
    a.refusedBy === b.refusedBy &&
    // A hash that is being moved waits by the clock.
    a.hashTwiceSinceMs === undefined &&
    b.hashTwiceSinceMs === undefined &&
    wasInConflict(a) === wasInConflict(b) &&
    isSameObject(a.attribute, b.attribute) &&
    a.pair.length === b.pair.length &&
    a.pair.every((one, index) => isSameObject(one, b.pair[index]))
  );
}

function wasInConflict({ before }: TokenFacts['seen']): boolean {
  return before?.state === 'refused' && before.reason === 'Conflict';
}

function isSameObject(a: Seen | undefined, b: Seen | undefined): boolean {
  return (
    a?.object === b?.object &&
    a?.isOurs === b?.isOurs &&
    a?.sibling === b?.sibling &&
    a?.isOfEarlierSecret === b?.isOfEarlierSecret &&
    a?.isOfPresentSecret === b?.isOfPresentSecret
  );
}

/** A token that moves waits by the clock: that is looked at anew. */
function areKnownTheSame({ known: a }: TokenFacts, { known: b }: TokenFacts): boolean {
  return (
    a.isTokenGone === b.isTokenGone &&
    a.isExtCarried === b.isExtCarried &&
    a.isExtUnread === b.isExtUnread &&
    a.isUserGone === b.isUserGone &&
    a.userAttribute === b.userAttribute &&
    a.awaitedElsewhereSinceMs === undefined &&
    b.awaitedElsewhereSinceMs === undefined
  );
}
