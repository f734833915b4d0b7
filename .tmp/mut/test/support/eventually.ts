import { setTimeout as delay } from 'node:timers/promises';

const POLL_MS = 5;

/**
 * Asks until the answer comes without a throw. How a test waits for a state instead of for a time.
 *
 * @param options.timeoutMs - after which the last error is thrown; 10 s unless given
 * @param options.what - said in front of that error
 * @param options.intervalMs - between two probes; to be raised where a probe costs much and the wait is long
 * @returns what the probe returned
 */
export async function eventually<T>(
  probe: () => T | Promise<T>,
  options: { timeoutMs?: number; what?: string; intervalMs?: number } = {},
): Promise<T> {
  const { timeoutMs = 10_000, what, intervalMs = POLL_MS } = options;
  const deadlineMs = performance.now() + timeoutMs;
  for (;;) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > deadlineMs) {
        throw what === undefined ? error : new Error(`${what}: not after ${timeoutMs} ms`, { cause: error });
      }
    }
    await delay(intervalMs);
  }
}
