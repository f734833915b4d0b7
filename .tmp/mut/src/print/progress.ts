import { cut } from './lines.ts';
import { printable } from './printable.ts';

/** Where progress is shown: a terminal, and nothing else. */
export interface ProgressTarget {
  readonly isTerminal: boolean;
  readonly columns: number;
  write(text: string): void;
  /** Milliseconds since the epoch. */
  now(): number;
}

const REDRAW_MS = 100;
/** What is over sooner needs no line of its own. */
const QUIET_MS = 500;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';

/**
 * One line that is drawn over and over while something takes long; nothing at all where it is soon over, or would not be
 * seen.
 */
export class Progress {
  readonly #target: ProgressTarget;
  readonly #what: string;
  readonly #beganAtMs: number;
  #drawnAtMs = Number.NEGATIVE_INFINITY;
  #isShown = false;

  /** @param what - `deleting tokens` */
  constructor(what: string, target: ProgressTarget) {
    this.#what = printable(what);
    this.#target = target;
    this.#beganAtMs = target.now();
  }

  /** @param total - undefined while nobody knows */
  update(done: number, total?: number): void {
    if (!this.#target.isTerminal) return;
    const nowMs = this.#target.now();
    if (nowMs - this.#beganAtMs < QUIET_MS || nowMs - this.#drawnAtMs < REDRAW_MS) return;
    this.#drawnAtMs = nowMs;
    this.#isShown = true;
    this.#target.write(CLEAR_LINE + cut(this.#line(done, total), this.#target.columns - 1));
  }

  /** Takes the line away: what is printed next has a clean line, and progress may go on after it. */
  clear(): void {
    if (!this.#isShown) return;
    this.#isShown = false;
    this.#drawnAtMs = Number.NEGATIVE_INFINITY;
    this.#target.write(CLEAR_LINE);
  }

  #line(done: number, total: number | undefined): string {
    if (total === undefined) return `${this.#what}: ${done}`;
    const filled = total === 0 ? BAR_WIDTH : Math.floor((BAR_WIDTH * done) / total);
    return `${this.#what} [${'#'.repeat(filled)}${'.'.repeat(BAR_WIDTH - filled)}] ${done}/${total}`;
  }
}
