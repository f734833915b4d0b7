import type { ListedToken } from './listed-token.ts';

/** Which tokens are meant. All that is given has to fit. */
export interface TokenFilter {
  readonly user: string | undefined;
  readonly cluster: string | undefined;
  /** Milliseconds: it ends within this time from now, or has ended. */
  readonly expiringWithinMs: number | undefined;
  /** Milliseconds: nobody used it for so long, nor was it made since. */
  readonly unusedForMs: number | undefined;
}

/** Whether a token is meant. */
export function matches(token: ListedToken, filter: TokenFilter, nowMs: number): boolean {
  const { user, cluster, expiringWithinMs, unusedForMs } = filter;
  if (user !== undefined && token.userName !== user) return false;
  if (cluster !== undefined && token.clusterName !== cluster) return false;
  if (expiringWithinMs !== undefined && !(endOf(token) <= nowMs + expiringWithinMs)) return false;
  // A token that is new has had no time to be used.
  const lastSignMs = token.lastUsedAtMs ?? token.createdAtMs;
  return unusedForMs === undefined || lastSignMs <= nowMs - unusedForMs;
}

function endOf({ expiresAtMs }: ListedToken): number {
  return expiresAtMs ?? Number.POSITIVE_INFINITY;
}

/** What Rancher issues to its own parts: without them it loses clusters. */
const SYSTEM_KINDS: ReadonlySet<string> = new Set(['agent', 'provisioning']);

/** Whether it is a token of the management plane's own parts, and not of a person or a script. */
export function isSystemToken({ kind }: ListedToken): boolean {
  return SYSTEM_KINDS.has(kind);
}
