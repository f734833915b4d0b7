import { nextTick } from 'node:process';

/** How long all that works in this process may run in one turn of the event loop, before timers and sockets have theirs. */
const SLICE_MS = 5;

/**
 * Turns of the event loop, shared by all who work keys or clusters that may need nothing: without it, thousands of those would be one
 * long turn, and no Lease is renewed and no watch is read meanwhile.
 *
 * Once a slice is used up, everybody waits in line. In each turn of the loop they go on one after the other, until one slice is used up
 * by all of them together: if all went on at once, each would have a slice of its own in that turn.
 */
export class Breath {
  readonly #nextTurn: (run: () => void) => void;
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
  /** Somebody is let go on, now or in the next turn. */
  #isPlanned = false;
  #sliceFromMs = Number.NEGATIVE_INFINITY;

  /** @param now - milliseconds, by a clock that nobody sets */
  constructor(
    nextTurn: (run: () => void) => void = setImmediate,
    now: () => number = () => performance.now(),
  ) {
    this.#nextTurn = nextTurn;
    this.#now = now;
  }

  /** Resolves when it is the caller's turn to go on: at once, while the slice lasts and nobody else waits. */
  async take(): Promise<void> {
    if (!this.#isPlanned && this.#hasTime()) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (!this.#isPlanned) this.#plan();
    });
  }

  #hasTime(): boolean {
    return this.#now() - this.#sliceFromMs < SLICE_MS;
  }

  #plan(): void {
    this.#isPlanned = true;
    this.#nextTurn(() => {
      this.#sliceFromMs = this.#now();
      this.#letOneGoOn();
    });
  }

  #letOneGoOn(): void {
    this.#waiting.shift()?.();
    // A tick that is planned by a microtask comes when all microtasks are done: when whoever goes on waits for something again.
    queueMicrotask(() => nextTick(() => this.#next()));
  }

  #next(): void {
    this.#isPlanned = this.#waiting.length > 0;
    if (!this.#isPlanned) return;
    if (this.#hasTime()) this.#letOneGoOn();
    else this.#plan();
  }
}

const ofProcess = new Breath();

/** Lets others have their turn, if all of ours together have worked for long enough. */
export const breathe = (): Promise<void> => ofProcess.take();
