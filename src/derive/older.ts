import type { Token } from '../api/types.ts';
import { effectiveExpiryMs } from './expiry.ts';

/**
 * Of a v3 Token and a token of `ext.cattle.io` that have one name, the older. Both being of the same second, the v3 Token.
 */
export function olderOf(v3: Token | undefined, ext: Token | undefined): Token | undefined {
  return ext !== undefined && (!v3 || ext.createdAtMs < v3.createdAtMs) ? ext : v3;
}

/**
 * Of tokens of one name, the one that the objects of that name in a cluster are of. Only those that are for the cluster want them; of
 * two the older, as whoever holds it may be at work with it, unless it is over and the younger is not. Where none is for the
 * cluster, the older: it is not to be there either way.
 *
 * @param tokens - at most one of each kind
 * @param cluster - left out: whichever
 */
export function holderOf(
  tokens: readonly Token[],
  cluster: string | undefined,
  nowMs: number,
): Token | undefined {
  const here = tokens.filter(({ clusterName }) => cluster === undefined || clusterName === cluster);
  const candidates = here.length > 0 ? here : tokens;
  const living = candidates.filter((token) => !isOver(token, nowMs));
  const [v3, ext] = (['v3', 'ext'] as const).map((kind) =>
    (living.length > 0 ? living : candidates).find(({ api }) => api === kind),
  );
  return olderOf(v3, ext);
}

/**
 * Of tokens of one name, the one by which what stands under it in a cluster is judged; see {@link holderOf}.
 *
 * @param tokens - at most one of each kind
 * @param cluster - undefined: whichever
 * @param written - the kind that it was written for. That one of the other kind is there for another cluster says nothing of it
 */
export function sourceOf(
  tokens: readonly Token[],
  cluster: string | undefined,
  nowMs: number,
  written: Token['api'] | undefined,
): Token | undefined {
  const holder = holderOf(tokens, cluster, nowMs);
  if (!written || holder?.clusterName === cluster) return holder;
  return tokens.find(({ api }) => api === written);
}

/** Of itself no token to let anybody in by, whatever becomes of its user. */
export function isOver(token: Token, nowMs: number): boolean {
  const expiresAtMs = effectiveExpiryMs(token);
  const hasExpired = expiresAtMs !== undefined && expiresAtMs <= nowMs;
  return !token.enabled || token.deleting || token.problem !== undefined || hasExpired;
}
