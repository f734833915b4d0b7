/** How long all that works in this process may run without letting timers and sockets have a turn. */
const SLICE_MS = 5;

/**
 * Turns of the event loop, shared by all who work keys or clusters that may need nothing: without it, thousands of those would be one
 * long turn, and no Lease is renewed and no watch is read meanwhile.
 *
 * Once a slice is used up, everybody waits in line, and in each turn of the loop one goes on: if all went on in the same turn, each
 * would have a slice of its own in it.
 */
export class Breath {
  readonly #nextTurn: (run: () => void) => void;
  readonly #now: () => number;
  readonly #waiting: (() => void)[] = [];
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
    if (this.#waiting.length === 0 && this.#now() - this.#sliceFromMs < SLICE_MS) return;
    await new Promise<void>((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length === 1) this.#nextTurn(() => this.#letOneGoOn());
    });
  }

  #letOneGoOn(): void {
    this.#sliceFromMs = this.#now();
    // It counts as waiting until the others' turn is planned, so that whoever comes now plans none as well.
    if (this.#waiting.length > 1) this.#nextTurn(() => this.#letOneGoOn());
    this.#waiting.shift()?.();
  }
}

const ofProcess = new Breath();

/** Lets others have their turn, if all of ours together have worked for long enough. */
export const breathe = (): Promise<void> => ofProcess.take();
