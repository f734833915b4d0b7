import type { Token } from '../api/types.ts';

/** 9999-12-31T23:59:59Z: RFC 3339 ends there, and no token lives longer. */
const LATEST_MS = 253_402_300_799_000;

/**
 * When a token stops being valid: the earlier of `expiresAt` and creation + ttl.
 *
 * Management fills `expiresAt` in some time after creation; until then the ttl alone must already bound the
 * token, or it would be propagated as immortal (rancher.md W9). A negative ttl has always expired.
 *
 * @returns milliseconds since the epoch, in whole seconds rounded down; undefined when it never expires
 */
export function effectiveExpiryMs(
  token: Pick<Token, 'createdAtMs' | 'ttlMs' | 'expiresAtMs'>,
): number | undefined {
  const byTtl = token.ttlMs === 0 ? undefined : token.createdAtMs + token.ttlMs;
  const candidates = [token.expiresAtMs, byTtl].filter((ms) => ms !== undefined);
  if (candidates.length === 0) return undefined;
  const earliest = Math.min(...candidates, LATEST_MS);
  return Math.floor(earliest / 1000) * 1000;
}

/** As it is written downstream: RFC 3339, UTC, whole seconds. Times before year 0 are long past all the same. */
export function formatTime(ms: number): string {
  const bounded = Math.max(0, Math.min(ms, LATEST_MS));
  return `${new Date(bounded).toISOString().slice(0, 19)}Z`;
}
