import { setTimeout as delay } from 'node:timers/promises';

/**
 * Tries until it no longer throws; the way to wait for a state without guessing how long it takes.
 *
 * @returns what the first successful try returned
 * @throws the last failure, with what was waited for, after `timeoutMs` (10 s unless given)
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { timeoutMs?: number; intervalMs?: number; what?: string } = {},
): Promise<T> {
  const { timeoutMs = 10_000, intervalMs = 25, what = 'a state' } = options;
  const deadlineMs = Date.now() + timeoutMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (Date.now() > deadlineMs) throw new Error(`waited ${timeoutMs} ms for ${what}`, { cause: error });
      await delay(intervalMs);
    }
  }
}
