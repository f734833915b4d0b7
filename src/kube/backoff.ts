import { setTimeout as delay } from 'node:timers/promises';

/** A number in [0, 1); injected so that tests are repeatable. */
export type Random = () => number;

/**
 * Delay before the next try: doubling, capped, spread over its upper half so that many do not come at once.
 *
 * @param failures - consecutive failures so far, at least 1
 * @returns milliseconds
 */
export function backoffMs(
  failures: number,
  baseMs: number,
  maxMs: number,
  random: Random = Math.random,
): number {
  // The exponent is bounded: 2 ** 2000 is Infinity, and Infinity * 0 is not a number.
  const full = Math.min(baseMs * 2 ** Math.min(failures - 1, 30), maxMs);
  return full / 2 + (full / 2) * random();
}

/** `setTimeout` takes no more (about 24.8 days), and fires at once instead. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** Waits until all of these have ended, in whatever way, but no longer than `limitMs`. Keeps no process. */
export async function withinLimit(
  ended: readonly (Promise<void> | undefined)[],
  limitMs: number,
): Promise<void> {
  await Promise.race([Promise.allSettled(ended), delay(limitMs, undefined, { ref: false })]);
}

/** Waits, for 24 days at most, or returns at once when the signal ends the wait. Never throws. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await delay(Math.min(ms, MAX_TIMER_MS), undefined, { signal });
  } catch {
    // Aborted: the caller looks at the signal.
  }
}
