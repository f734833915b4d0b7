import { ApiError, ConnectionError, FencedError, StaleReadError } from '../../errors.ts';
import { backoffMs, pause } from '../../kube/backoff.ts';
import type { Log } from '../../telemetry/log.ts';

const RETRY_BASE_MS = 500;
const RETRY_MAX_MS = 15_000;

/**
 * Tries a step until the management plane lets it succeed: it may well come up after us, or refuse us until somebody gives our
 * rights back. A process that ended itself for that would take along what it has seen. Ends without a result once `signal` says so.
 *
 * @param onFailure - told of each failure that may pass
 * @throws whatever waiting cannot mend: what was read and cannot be used, a fault of ours
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
  return [ConnectionError, FencedError, ApiError, StaleReadError].some((kind) => error instanceof kind);
}

/** Logs a failure that may pass: by itself, or once a person has given back what we may do. */
export function tellFailure(error: unknown, log: Log): void {
  if (error instanceof ApiError && error.code < 429) log.warn('management plane refuses us', { error });
  else if (error instanceof StaleReadError) log.warn('management plane was read too early', { error });
  else log.warn('management plane does not answer', { error });
}

/** What `work` results in, or undefined when `signal` comes first; then nobody waits for `work` any more. */
export async function unlessEnded<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  const end = Promise.withResolvers<undefined>();
  const stop = (): void => end.resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const result = await Promise.race([work, end.promise]);
    return signal.aborted ? undefined : result;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
