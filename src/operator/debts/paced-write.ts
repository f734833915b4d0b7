import { backoffMs } from '../../kube/backoff.ts';

/** One write in this time, however much happens. */
const MIN_INTERVAL_MS = 200;
const RETRY_MAX_MS = 15_000;

export interface PacedWriteDeps {
  /** When it is due, in milliseconds of `performance.now`; what is past: at once; undefined: there is nothing to write. */
  dueMs(nowMs: number): number | undefined;
  /** Rejects when it failed; then it is tried again, as long as it is due. */
  write(): Promise<void>;
}

/** Has something written when it is due: once at a time, not too often, and after a failure with backoff. */
export class PacedWrite {
  readonly #deps: PacedWriteDeps;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();
  #isWriting = false;
  #isStopped = false;
  #failures = 0;
  #wroteAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: PacedWriteDeps) {
    this.#deps = deps;
  }

  /** When it is due may have changed. */
  plan(): void {
    clearTimeout(this.#timer);
    if (this.#isWriting || this.#isStopped) return;
    const nowMs = performance.now();
    const due = this.#deps.dueMs(nowMs);
    if (due === undefined) return;
    const pauseMs = this.#failures > 0 ? backoffMs(this.#failures, 1_000, RETRY_MAX_MS) : MIN_INTERVAL_MS;
    const delayMs = Math.max(0, due - nowMs, this.#wroteAtMs + pauseMs - nowMs);
    this.#timer = setTimeout(() => {
      this.#writing = this.#write();
    }, delayMs);
  }

  /** Writes at once what would be written in its own time. */
  async writeDown(): Promise<void> {
    await this.#writing;
    if (this.#isStopped || this.#deps.dueMs(performance.now()) === undefined) return;
    clearTimeout(this.#timer);
    this.#writing = this.#write();
    await this.#writing;
  }

  /** Writes no more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#writing;
  }

  async #write(): Promise<void> {
    this.#isWriting = true;
    try {
      await this.#deps.write();
      this.#failures = 0;
    } catch {
      this.#failures += 1;
    } finally {
      this.#isWriting = false;
      this.#wroteAtMs = performance.now();
      this.plan();
    }
  }
}
