import { ApiError } from '../errors.ts';
import { pause } from '../kube/backoff.ts';

const TRIES = 6;
const WAIT_MS = 1_000;
/** A server that asks for more is asked again before: whoever revokes does not wait for an hour because somebody says so. */
const LONGEST_WAIT_MS = 5_000;

/** How much of it, and who is told. */
export interface Patience {
  /** Ends the waiting: no try is made after it. */
  readonly limit: AbortSignal;
  /** The server has us wait for so many milliseconds. Whoever is told of nothing thinks that we hang. */
  onWait(ms: number): void;
}

/**
 * A request that is made again when the server is too busy for it (429, 503): six times, and as late as it asks, within bounds.
 *
 * @throws what the request throws, the last time
 */
export async function patiently<T>(request: () => Promise<T>, { limit, onWait }: Patience): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      const isBusy = error instanceof ApiError && [429, 503].includes(error.code);
      if (!isBusy || tries === TRIES || limit.aborted) throw error;
      const waitMs = Math.min(error.retryAfterMs ?? WAIT_MS * tries, LONGEST_WAIT_MS);
      onWait(waitMs);
      await pause(waitMs, limit);
      if (limit.aborted) throw error;
    }
  }
}
