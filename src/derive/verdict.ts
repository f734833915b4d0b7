import type { TokenReason } from '../api/reasons.ts';
import type { Token, User } from '../api/types.ts';
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

function tokenReason(token: Token, context: TokenContext): TokenReason | undefined {
  if (token.clusterName === '') return 'NotScoped';
  if (token.clusterName !== context.cluster) return 'OtherCluster';
  if (!context.aceEnabled) return 'AceDisabled';
  if (token.deleting) return 'Deleting';
  if (token.problem !== undefined) return 'Malformed';
  if (!token.enabled) return 'Disabled';
  return undefined;
}
