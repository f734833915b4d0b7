import type { AuditMode } from '../telemetry/log-level.ts';

/** One review, without anything secret. */
export interface AuditEntry {
  readonly verdict: string;
  readonly reason?: string | undefined;
  /** Of a refusal: whether it is for good. */
  readonly final?: boolean | undefined;
  /** Name of the token, as the bearer gives it. */
  readonly token?: string | undefined;
  readonly user?: string | undefined;
  readonly cluster?: string | undefined;
}

export interface AuditLogOptions {
  readonly mode: AuditMode;
  readonly stream: { write(line: string): unknown; readonly writableLength?: number };
  readonly now: () => number;
}

/** Who guesses writes as many lines as he likes, otherwise. */
const LINES_PER_SECOND = 100;
const BURST = 1_000;
/** A reader that does not keep up must not fill the memory. */
const MAX_BUFFERED_BYTES = 1024 * 1024;

/**
 * One JSON line a review, beside the log. Bounded: beyond a hundred lines a second they are counted, and the number is told
 * by the next line that is written.
 */
export class AuditLog {
  readonly #options: AuditLogOptions;
  #budget = BURST;
  #refilledAtMs: number;
  #dropped = 0;

  constructor(options: AuditLogOptions) {
    this.#options = options;
    this.#refilledAtMs = options.now();
  }

  /** Whether a verdict is to be told of; asked before anything is gathered. */
  wants(verdict: string): boolean {
    const { mode } = this.#options;
    return mode === 'all' || (mode === 'refused' && verdict !== 'accepted' && verdict !== 'foreign');
  }

  record(entry: AuditEntry): void {
    const { stream, now } = this.#options;
    if (!this.#spend() || (stream.writableLength ?? 0) > MAX_BUFFERED_BYTES) {
      this.#dropped += 1;
      return;
    }
    const dropped = this.#dropped === 0 ? {} : { dropped: this.#dropped };
    this.#dropped = 0;
    const timestamp = new Date(now()).toISOString();
    stream.write(`${JSON.stringify({ timestamp, audit: 'TokenReview', ...entry, ...dropped })}\n`);
  }

  #spend(): boolean {
    const nowMs = this.#options.now();
    const gained = (Math.max(0, nowMs - this.#refilledAtMs) / 1000) * LINES_PER_SECOND;
    this.#budget = Math.min(BURST, this.#budget + gained);
    this.#refilledAtMs = nowMs;
    if (this.#budget < 1) return false;
    this.#budget -= 1;
    return true;
  }
}
