import { HashQueueFullError } from '../hash/hasher.ts';

/** Too much is under way about one name: slow checks, or changes of its hash. The caller cannot know, and says so: it never refuses for it. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

export interface CheckQueueOptions {
  /** Checks made at the same time. */
  readonly concurrency: number;
  /** Who goes first: names of a lower rank. Asked each time a thread is free. */
  rankOf(name: string): number;
  readonly random?: () => number;
}

/** A slow check that is wanted, and whether whoever wants it is still there. */
export interface Check {
  run(): Promise<boolean>;
  hasGone(): boolean;
}

interface Waiting {
  readonly check: Check;
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: unknown) => void;
}

interface Line {
  readonly waiting: Waiting[];
  isRunning: boolean;
  turns: number;
}

/** More than an ordinary burst: who is turned away asks again at once, and is then before those who waited. */
const MAX_WAITING_PER_NAME = 1_000;
/** A node's whole first minute after a restart without a memory of what was right. */
const MAX_WAITING = 2_000;

/**
 * Whose secret is checked next. Names take turns, by rank; checks of one name are made one at a time, so that guessing
 * at one token occupies one thread at most.
 *
 * Of one name the newest goes first, every second time any one: in a line, somebody who comes after three hundred
 * guesses would wait for all of them; and against a flood that is always newer, chance is what is left.
 */
export class CheckQueue {
  readonly #options: CheckQueueOptions;
  readonly #lines = new Map<string, Line>();
  #running = 0;
  #waiting = 0;

  constructor(options: CheckQueueOptions) {
    this.#options = options;
  }

  /** Checks that wait or run. */
  get size(): number {
    return this.#waiting + this.#running;
  }

  /**
   * Makes a check when its turn comes.
   *
   * @throws {BusyError | HashQueueFullError} when it had to give way to others
   */
  run(name: string, check: Check): Promise<boolean> {
    const line = this.#lines.get(name) ?? { waiting: [], isRunning: false, turns: 0 };
    this.#lines.set(name, line);
    return new Promise((resolve, reject) => {
      line.waiting.push({ check, resolve, reject });
      this.#waiting += 1;
      if (line.waiting.length > MAX_WAITING_PER_NAME)
        this.#drop(line, new BusyError('too many checks of one token'));
      else if (this.#waiting > MAX_WAITING)
        this.#drop(this.#longest(), new HashQueueFullError('too many checks'));
      this.#startNext();
    });
  }

  #startNext(): void {
    while (this.#running < this.#options.concurrency) {
      const next = this.#next();
      if (!next) return;
      const [name, line] = next;
      const waiting = this.#take(line);
      // To the end: others of its rank are before it the next time.
      this.#lines.delete(name);
      if (waiting || line.waiting.length > 0) this.#lines.set(name, line);
      if (waiting) void this.#execute(name, line, waiting);
    }
  }

  #next(): [string, Line] | undefined {
    let best: [string, Line] | undefined;
    let bestRank = Infinity;
    for (const entry of this.#lines) {
      const [name, { isRunning, waiting }] = entry;
      if (isRunning || waiting.length === 0) continue;
      const rank = this.#options.rankOf(name);
      if (rank < bestRank) [best, bestRank] = [entry, rank];
    }
    return best;
  }

  /** The one whose turn it is; undefined when all who waited have gone. */
  #take(line: Line): Waiting | undefined {
    const { random = Math.random } = this.#options;
    while (line.waiting.length > 0) {
      line.turns += 1;
      const last = line.waiting.length - 1;
      const at = line.turns % 2 === 0 ? Math.floor(random() * line.waiting.length) : last;
      const [taken] = line.waiting.splice(at, 1);
      this.#waiting -= 1;
      if (taken && !taken.check.hasGone()) return taken;
      taken?.reject(new BusyError('nobody waits for it any more'));
    }
    return undefined;
  }

  async #execute(name: string, line: Line, { check, resolve, reject }: Waiting): Promise<void> {
    line.isRunning = true;
    this.#running += 1;
    try {
      resolve(await check.run());
    } catch (error) {
      reject(error);
    } finally {
      line.isRunning = false;
      this.#running -= 1;
      if (line.waiting.length === 0 && this.#lines.get(name) === line) this.#lines.delete(name);
      this.#startNext();
    }
  }

  /** The oldest gives way: who waited so long has been given up by his API server soonest. */
  #drop(line: Line, error: Error): void {
    const oldest = line.waiting.shift();
    if (!oldest) return;
    this.#waiting -= 1;
    oldest.reject(error);
  }

  #longest(): Line {
    return [...this.#lines.values()].reduce((longest, line) =>
      line.waiting.length > longest.waiting.length ? line : longest,
    );
  }
}
