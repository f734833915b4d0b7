import { ApiError, ConnectionError, FencedError } from '../../errors.ts';
import { backoffMs, pause } from '../../kube/backoff.ts';

const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 15_000;

/**
 * Tries a step until the management plane answers it: it may well come up after us. Ends without a result once `signal` says so.
 *
 * @param onFailure - told of each failure that may pass
 * @throws whatever waiting cannot mend: a refusal (4xx), a fault of ours
 */
export async function untilAnswered(
  step: () => Promise<void>,
  signal: AbortSignal,
  onFailure: (error: unknown) => void,
): Promise<void> {
  for (let failures = 1; !signal.aborted; failures += 1) {
    try {
      return await step();
    } catch (error) {
      if (!mayPass(error)) throw error;
      if (signal.aborted) return;
      onFailure(error);
      await pause(backoffMs(failures, RETRY_BASE_MS, RETRY_MAX_MS), signal);
    }
  }
}

function mayPass(error: unknown): boolean {
  return (
    error instanceof ConnectionError ||
    error instanceof FencedError ||
    (error instanceof ApiError && error.code >= 429)
  );
}
