import type { ListedToken } from './listed-token.ts';

/** Which tokens are meant. All that is given has to fit. */
export interface TokenFilter {
  readonly user: string | undefined;
  readonly cluster: string | undefined;
  /** Milliseconds: it ends within this time from now, or has ended. */
  readonly expiringWithinMs: number | undefined;
  /** Milliseconds: its last use is so long ago. One of which no use was noted is not meant. */
  readonly unusedForMs: number | undefined;
  /** Milliseconds: it is so old, and no use of it was ever noted. */
  readonly neverUsedForMs: number | undefined;
}

/** Whether it takes a clock to tell which tokens are meant. */
export function isByTime({ expiringWithinMs, unusedForMs, neverUsedForMs }: TokenFilter): boolean {
  return [expiringWithinMs, unusedForMs, neverUsedForMs].some((ms) => ms !== undefined);
}

/** Whether a token is meant. */
export function matches(token: ListedToken, filter: TokenFilter, nowMs: number): boolean {
  const { user, cluster, expiringWithinMs } = filter;
  if (user !== undefined && token.userName !== user) return false;
  if (cluster !== undefined && token.clusterName !== cluster) return false;
  if (expiringWithinMs !== undefined && !(endOf(token) <= nowMs + expiringWithinMs)) return false;
  return isOutOfUse(token, filter, nowMs);
}

/** Whether it is as long out of use as is asked for, by what is noted on it. */
export function isOutOfUse(
  { lastUsedAtMs, createdAtMs }: Pick<ListedToken, 'lastUsedAtMs' | 'createdAtMs'>,
  { unusedForMs, neverUsedForMs }: Pick<TokenFilter, 'unusedForMs' | 'neverUsedForMs'>,
  nowMs: number,
): boolean {
  if (unusedForMs !== undefined && !(lastUsedAtMs !== undefined && lastUsedAtMs <= nowMs - unusedForMs))
    return false;
  // A token that is new has had no time to be used.
  return (
    neverUsedForMs === undefined || (lastUsedAtMs === undefined && createdAtMs <= nowMs - neverUsedForMs)
  );
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
