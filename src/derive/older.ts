import type { Token } from '../api/types.ts';

/**
 * Of a v3 Token and a token of `ext.cattle.io` that have one name, the one that clusters get: the older, as whoever holds it may be
 * at work with it. Both being of the same second, the v3 Token.
 */
export function olderOf(v3: Token | undefined, ext: Token | undefined): Token | undefined {
  return ext !== undefined && (!v3 || ext.createdAtMs < v3.createdAtMs) ? ext : v3;
}
