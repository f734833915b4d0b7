import { ApiError } from '../errors.ts';
import { pause } from '../kube/backoff.ts';

const TRIES = 6;
const WAIT_MS = 1_000;

/**
 * A request that is made again when the server is too busy for it (429, 503), as often and as late as it asks.
 *
 * @throws what the request throws, the last time
 */
export async function patiently<T>(request: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await request();
    } catch (error) {
      const isBusy = error instanceof ApiError && [429, 503].includes(error.code);
      if (!isBusy || tries === TRIES) throw error;
      await pause(error.retryAfterMs ?? WAIT_MS * tries, new AbortController().signal);
    }
  }
}
