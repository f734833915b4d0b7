import { setTimeout as delay } from 'node:timers/promises';

/** Between two beginnings: at first, at least, at most. */
const FIRST_MS = 20;
const SHORTEST_MS = 5;
const LONGEST_MS = 200;
/** The event loop keeps up while a timer is not later than that. */
const LATE_MS = 25;
const FASTER = 0.9;
const SLOWER = 1.5;
/** A cluster that was tried in vain more often waits for those that were not. */
const PROMISING_FAILURES = 2;

/** What is there to wait, and to measure it by. */
export interface PaceClock {
  /** Of a clock that nobody sets, in milliseconds. */
  now(): number;
  wait(ms: number): Promise<void>;
}

const CLOCK: PaceClock = { now: () => performance.now(), wait: delay };

interface Waiting {
  readonly signal: AbortSignal;
  readonly begin: () => void;
}

/**
 * Lets connections to clusters begin one after the other, as fast as this process keeps up. A thousand TLS handshakes at once are
 * half a minute in which nothing else gets its turn in time: no revocation, no answer, and no renewal of a Lease, so that the
 * whole would begin anew for ever. How many are under way does not matter: a cluster that does not answer holds up nobody.
 */
export class ConnectPace {
  readonly #clock: PaceClock;
  readonly #promising: Waiting[] = [];
  readonly #others: Waiting[] = [];
  #intervalMs = FIRST_MS;
  #lastMs = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor(clock: PaceClock = CLOCK) {
    this.#clock = clock;
  }

  /**
   * Resolves when the next connection may begin, or when `signal` says that it need not any more.
   *
   * @param failures - of this cluster, in a row
   */
  async turn(failures: number, signal: AbortSignal): Promise<void> {
    const isFree = !this.#running && this.#clock.now() - this.#lastMs >= this.#intervalMs;
    if (isFree || signal.aborted) {
      this.#lastMs = this.#clock.now();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const begin = (): void => resolve();
    const waiting = failures <= PROMISING_FAILURES ? this.#promising : this.#others;
    waiting.push({ signal, begin });
    signal.addEventListener('abort', begin, { once: true });
    if (!this.#running) void this.#run();
    await promise;
    signal.removeEventListener('abort', begin);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#promising.length + this.#others.length > 0) {
      const begunMs = this.#clock.now();
      await this.#clock.wait(this.#intervalMs);
      const lateMs = this.#clock.now() - begunMs - this.#intervalMs;
      const factor = lateMs > LATE_MS ? SLOWER : FASTER;
      this.#intervalMs = Math.min(LONGEST_MS, Math.max(SHORTEST_MS, this.#intervalMs * factor));
      this.#lastMs = this.#clock.now();
      this.#next()?.begin();
    }
    this.#running = false;
  }

  /** The next that still wants to begin. */
  #next(): Waiting | undefined {
    for (;;) {
      const next = this.#promising.shift() ?? this.#others.shift();
      if (!next?.signal.aborted) return next;
    }
  }
}
