import type { PropagationStatus } from '../../api/types.ts';
import type { ClusterFacts } from '../../derive/cluster-facts.ts';
import { mergePatch } from '../../derive/merge-patch.ts';
import { deriveStatus } from '../../derive/status.ts';
import { ApiError, isHeldBack, isObjectMissing } from '../../errors.ts';
import { backoffMs } from '../../kube/backoff.ts';
import type { Log } from '../../telemetry/log.ts';

export interface StatusSource {
  facts(): ClusterFacts;
  /** True while facts would be a guess, as right after a start. */
  readonly isSettling: boolean;
  /** Told after each write that succeeded. */
  statusWritten(before: PropagationStatus, after: PropagationStatus): void;
}

export interface StatusWriterDeps {
  readonly cluster: string;
  readonly source: StatusSource;
  readonly log: Log;
  readonly now: () => number;
  /** The status as management has it; undefined when there is no object. */
  written(): PropagationStatus | undefined;
  /** Merge patch of the status. */
  write(patch: object): Promise<void>;
}

/** Changes within this time make one write. */
const GATHER_MS = 200;
/** And no more than one write in this time, however much happens. */
const MIN_INTERVAL_MS = 1_000;
/** How long a guess is kept back: a restart that finds everything in order writes nothing. */
const SETTLING_MS = 5_000;
/** … where it says that less is in sync than is written: of many thousands not all were looked at yet. */
const COUNTING_MS = 60_000;

/** Keeps one ClusterPropagation's status true, with few writes and none when nothing changed. */
export class PropagationStatusWriter {
  readonly #deps: StatusWriterDeps;
  readonly #startedAtMs: number;
  #lastWriteMs = Number.NEGATIVE_INFINITY;
  #failures = 0;
  #timer: NodeJS.Timeout | undefined;
  #writing = false;
  #stopped = false;

  constructor(deps: StatusWriterDeps) {
    this.#deps = deps;
    this.#startedAtMs = performance.now();
  }

  /** Something may have changed. */
  changed(): void {
    const sinceLastMs = performance.now() - this.#lastWriteMs;
    this.#plan(Math.max(GATHER_MS, MIN_INTERVAL_MS - sinceLastMs));
  }

  /**
   * Writes what is so now, without waiting.
   *
   * @throws whatever the write throws
   */
  async publish(): Promise<void> {
    const { source, now, written, write } = this.#deps;
    const before = written();
    const next = before && changeOf(before, deriveStatus(source.facts(), before, now()));
    if (!next) return;
    await write(next.patch);
    source.statusWritten(before, next.status);
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #plan(delayMs: number): void {
    if (this.#timer || this.#stopped) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#run().catch((error: unknown) => this.#deps.log.error('status not derived', { error }));
    }, delayMs);
  }

  async #run(): Promise<void> {
    const { source, now, written } = this.#deps;
    if (this.#writing) return this.#plan(GATHER_MS);
    const before = written();
    if (before === undefined) return;
    const workedMs = performance.now() - this.#startedAtMs;
    if (source.isSettling && workedMs < SETTLING_MS) return this.#plan(GATHER_MS);
    const next = changeOf(before, deriveStatus(source.facts(), before, now()));
    if (!next) return;
    const isCounting = (next.status.synced ?? 0) < (before.synced ?? 0);
    if (source.isSettling && isCounting && workedMs < COUNTING_MS) return this.#plan(MIN_INTERVAL_MS);
    if (await this.#write(next.patch)) source.statusWritten(before, next.status);
  }

  /** @returns whether it succeeded; if not, it is tried again */
  async #write(patch: object): Promise<boolean> {
    const { cluster, log, write } = this.#deps;
    this.#writing = true;
    try {
      await write(patch);
      this.#failures = 0;
      return true;
    } catch (error) {
      this.#failures += 1;
      if (!(isObjectMissing(error) || isHeldBack(error))) log.warn('status not written', { cluster, error });
      const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
      this.#plan(Math.max(asked, backoffMs(this.#failures, MIN_INTERVAL_MS, 30_000)));
      return false;
    } finally {
      this.#writing = false;
      this.#lastWriteMs = performance.now();
    }
  }
}

/** A status, and what of it differs from the one that is written. */
interface StatusChange {
  readonly status: PropagationStatus;
  readonly patch: object;
}

/** undefined: nothing to write. A field that is empty and one that is not there say the same. */
function changeOf(
  before: PropagationStatus,
  status: PropagationStatus | undefined,
): StatusChange | undefined {
  const patch = status && mergePatch({ ...before }, { ...status });
  return status && patch && { status, patch };
}
