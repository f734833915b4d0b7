import type { TokenReason } from '../../api/reasons.ts';
import type { Connection } from '../../clusters/connection.ts';
import { ApiError, ConnectionError, describeError, FencedError, TerminalError } from '../../errors.ts';
import { isInvalid } from '../../kube/apply.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Result } from '../decide/plan.ts';
import { LANES, type Lane } from '../keys.ts';
import type { Outcomes } from '../report/outcomes.ts';
import { breathe } from './breath.ts';
import type { WorkQueue } from './workqueue.ts';

export interface WorkerDeps {
  readonly cluster: string;
  readonly queue: WorkQueue;
  readonly outcomes: Outcomes;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Undefined while the cluster is not connected: its keys come back when it is. */
  connection(): Connection | undefined;
  reconcile(key: string, connection: Connection): Promise<Result>;
  /** The key was looked at, whatever came of it; `failure`: why it could not be carried out. */
  worked(key: string, failure?: unknown): void;
}

/**
 * Works keys until the queue is closed. The one place that knows the retry policy.
 *
 * @param isNeeded - asked before each key; false ends the work
 */
export async function work(
  deps: WorkerDeps,
  lanes: readonly Lane[] = LANES,
  isNeeded: () => boolean = () => true,
): Promise<void> {
  while (isNeeded()) {
    const key = await deps.queue.get(lanes);
    if (key === undefined) return;
    await workKey(key, deps);
    await breathe();
  }
}

async function workKey(key: string, deps: WorkerDeps): Promise<void> {
  const { queue, metrics, cluster } = deps;
  const startMs = performance.now();
  const connection = deps.connection();
  // The session brings the key back when it connects; until then there is nothing to work, and nothing to measure.
  if (!connection) return queue.done(key);
  let failure: unknown;
  try {
    const result = await deps.reconcile(key, connection);
    queue.forget(key);
    if (result.kind === 'requeueAfter') {
      queue.addAfter(key, result.delayMs, result.revocation ? 'revocation' : 'normal');
    }
    metrics.reconciles.inc({ cluster, result: 'ok' });
  } catch (error) {
    failure = error;
    metrics.reconciles.inc({ cluster, result: error instanceof TerminalError ? 'terminal' : 'retry' });
    afterFailure(key, error, connection, deps);
  } finally {
    metrics.reconcileSeconds.observe((performance.now() - startMs) / 1000);
    queue.done(key);
    deps.worked(key, failure);
  }
}

function afterFailure(key: string, error: unknown, connection: Connection, deps: WorkerDeps): void {
  const { queue, outcomes, log, cluster } = deps;
  // The session was ended under our hands; the next one brings every key back.
  if (deps.connection() !== connection) return;
  if (error instanceof FencedError) {
    queue.addRateLimited(key);
    return;
  }
  log.warn('reconcile failed', { cluster, key, error });
  if (error instanceof TerminalError) {
    queue.forget(key);
    outcomes.set(key, { state: 'failed', reason: 'Rejected', message: describeError(error) });
    return;
  }
  // What does not pass by itself is told as what it is, and tried again all the same.
  const reason = refusalOf(error);
  outcomes.set(
    key,
    reason ? { state: 'failed', reason, message: describeError(error) } : { state: 'pending' },
  );
  queue.addRateLimited(key, error instanceof ApiError ? error.retryAfterMs : undefined);
  if (error instanceof ConnectionError || error instanceof ApiError) void connection.suspect(error);
}

function refusalOf(error: unknown): TokenReason | undefined {
  if (isInvalid(error)) return 'Rejected';
  return error instanceof ApiError && error.code === 403 ? 'Forbidden' : undefined;
}
