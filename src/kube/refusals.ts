import { ApiError, isGone } from '../errors.ts';

/** An API server that has just come up refuses everybody who has rights by a role, for a moment. */
const PATIENCE_MS = 30_000;

/** Refusals of what can be done without, at a loss: for a while they are taken for what passes by itself. */
export class Refusals {
  /** By a clock that nobody sets. */
  #sinceMs: number | undefined;

  /** It was refused when it was asked for last. */
  get isRefused(): boolean {
    return this.#sinceMs !== undefined;
  }

  /**
   * Returns when it has been refused for {@link PATIENCE_MS}: to wait on would not help.
   *
   * @throws {unknown} the error itself, before that, and where it is no refusal
   */
  bear(error: unknown): void {
    // A list whose pages expired half-way is no refusal.
    if (!(error instanceof ApiError && error.code < 429) || isGone(error)) throw error;
    this.#sinceMs ??= performance.now();
    if (performance.now() - this.#sinceMs < PATIENCE_MS) throw error;
  }

  /** It was answered. */
  ended(): void {
    this.#sinceMs = undefined;
  }
}
