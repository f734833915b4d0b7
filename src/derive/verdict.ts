import type { TokenReason } from '../api/reasons.ts';
import type { KubeObject, Token, User } from '../api/types.ts';
import { isOfAnotherToken } from './diff.ts';
import { effectiveExpiryMs } from './expiry.ts';

/** Whether a token belongs in a cluster. `userDisabled` tokens do: one write at the user refuses them all. */
export type TokenVerdict =
  | { readonly wanted: true; readonly expiresAtMs: number | undefined; readonly userDisabled: boolean }
  | { readonly wanted: false; readonly reason: TokenReason };

export interface TokenContext {
  readonly cluster: string;
  readonly aceEnabled: boolean;
  readonly nowMs: number;
}

const refused = (reason: TokenReason): TokenVerdict => ({ wanted: false, reason });

/**
 * Judges a token against one cluster. The first reason in the order of the checks is the one that is shown.
 *
 * Pure: the clock comes in as `nowMs`.
 */
export function judgeToken(token: Token, user: User | undefined, context: TokenContext): TokenVerdict {
  const own = tokenReason(token, context);
  if (own) return refused(own);
  const expiresAtMs = effectiveExpiryMs(token);
  if (expiresAtMs !== undefined && expiresAtMs <= context.nowMs) return refused('Expired');
  if (!user) return refused('UserNotFound');
  if (token.secret.kind === 'missing') return refused('HashPending');
  return { wanted: true, expiresAtMs, userDisabled: !user.enabled || user.deleting };
}

/**
 * Judges a token of which something is in the cluster: what stays there although its hash is gone upstream is wanted there.
 *
 * @param ours - what is ours of its name there
 */
export function judgeTokenThere(
  token: Token,
  user: User | undefined,
  context: TokenContext,
  ours: readonly KubeObject[],
): TokenVerdict {
  const verdict = judgeToken(token, user, context);
  const isHashLost = !verdict.wanted && verdict.reason === 'HashPending';
  if (!isHashLost || ours.length === 0 || !mayHashComeBack(token, ours)) return verdict;
  const isUserIn = user?.enabled === true && !user.deleting;
  return { wanted: true, expiresAtMs: effectiveExpiryMs(token), userDisabled: !isUserIn };
}

/**
 * Whether what is there of a token without a hash stays: that was there and is not, and nobody revoked the token. What is of an earlier
 * one goes.
 *
 * @param ours - what is ours of its name
 */
export function mayHashComeBack(token: Token, ours: readonly KubeObject[]): boolean {
  return token.api === 'ext' && !isOfAnotherToken(token, ours);
}

function tokenReason(token: Token, context: TokenContext): TokenReason | undefined {
  if (token.clusterName === '') return 'NotScoped';
  if (token.clusterName !== context.cluster) return 'OtherCluster';
  if (!context.aceEnabled) return 'AceDisabled';
  if (token.deleting) return 'Deleting';
  if (token.problem !== undefined) return 'Malformed';
  if (!token.enabled) return 'Disabled';
  return undefined;
}

/**
 * Whether a change of a Token leaves someone with less than before: an access that ends, or that ends earlier, an earlier secret,
 * another user. What never was anyone's access is none; neither is a token that waits for its user, or for its secret.
 *
 * @param before - undefined when there was none, or nobody knows
 * @param after - undefined when it is gone
 */
export function isLess(
  before: Token | undefined,
  after: Token | undefined,
  user: User | undefined,
  context: TokenContext,
): boolean {
  if (!after) return true;
  const verdict = judgeToken(after, user, context);
  const isOut = !(verdict.wanted || (before && isHashLost(before, after, verdict.reason)));
  if (isOut) return before !== undefined || !WAITS.has(verdict.reason);
  if (!before) return false;
  return before.userName !== after.userName || isOtherSecret(before, after) || endsEarlier(before, after);
}

const WAITS: ReadonlySet<TokenReason> = new Set(['UserNotFound', 'HashPending']);

/** What is in clusters of it stays: see {@link mayHashComeBack}. */
function isHashLost(before: Token, after: Token, reason: TokenReason): boolean {
  return reason === 'HashPending' && after.api === 'ext' && before.uid === after.uid;
}

/** A secret that was stored plain and is stored hashed now is taken for the same. */
function isOtherSecret({ secret: before }: Token, { secret: after }: Token): boolean {
  if (before.kind === 'missing' || after.kind !== before.kind) return false;
  return before.value !== after.value;
}

function endsEarlier(before: Token, after: Token): boolean {
  const forever = Number.POSITIVE_INFINITY;
  return (effectiveExpiryMs(after) ?? forever) < (effectiveExpiryMs(before) ?? forever);
}
