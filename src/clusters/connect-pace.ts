import { setTimeout as delay } from 'node:timers/promises';

/** Between two beginnings: at first, at least, at most. */
const FIRST_MS = 20;
const SHORTEST_MS = 5;
const LONGEST_MS = 200;
/** The event loop keeps up while a timer is not later than that. */
const LATE_MS = 25;
const FASTER = 0.9;
const SLOWER = 1.5;
/**
 * Who is asked first for the next turn. Whatever comes without end, be it clusters that lose their connection each second, every
 * one gets its turn.
 */
const ORDERS: readonly (readonly Urgency[])[] = [
  ['urgent', 'promising', 'failing'],
  ['urgent', 'promising', 'failing'],
  ['promising', 'urgent', 'failing'],
  ['failing', 'urgent', 'promising'],
];

/** Revocations wait for it; it was not tried in vain again and again; it was. */
export type Urgency = 'urgent' | 'promising' | 'failing';

/** What is there to wait, and to measure it by. */
export interface PaceClock {
  /** Of a clock that nobody sets, in milliseconds. */
  now(): number;
  wait(ms: number): Promise<void>;
}

const CLOCK: PaceClock = { now: () => performance.now(), wait: delay };

interface Waiting {
  readonly urgency: () => Urgency;
  readonly signal: AbortSignal;
  readonly begin: () => void;
}

/**
 * Lets connections to clusters begin one after the other, as fast as this process keeps up. A thousand TLS handshakes at once are
 * half a minute in which nothing else gets its turn in time: no revocation, no answer, and no renewal of a Lease, so that the
 * whole would begin anew for ever. How many are under way does not matter: a cluster that does not answer takes one turn of many.
 */
export class ConnectPace {
  readonly #clock: PaceClock;
  readonly #waiting: Waiting[] = [];
  #turns = 0;
  #intervalMs = FIRST_MS;
  #lastMs = Number.NEGATIVE_INFINITY;
  #running = false;

  constructor(clock: PaceClock = CLOCK) {
    this.#clock = clock;
  }

  /**
   * Resolves when the next connection may begin, or when `signal` says that it need not any more.
   *
   * @param urgency - asked at each turn: it may become urgent while it waits
   */
  async turn(urgency: () => Urgency, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    if (!this.#running && this.#clock.now() - this.#lastMs >= this.#intervalMs) {
      this.#lastMs = this.#clock.now();
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const begin = (): void => resolve();
    this.#waiting.push({ urgency, signal, begin });
    signal.addEventListener('abort', begin, { once: true });
    if (!this.#running) void this.#run();
    await promise;
    signal.removeEventListener('abort', begin);
  }

  async #run(): Promise<void> {
    this.#running = true;
    while (this.#waiting.length > 0) {
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

  /** Of those that still want to begin, the first of the class whose turn it is, or of the next. */
  #next(): Waiting | undefined {
    const order = ORDERS[this.#turns % ORDERS.length] ?? [];
    this.#turns += 1;
    const wanted = this.#waiting.filter(({ signal }) => !signal.aborted);
    const first = new Map<Urgency, Waiting>();
    for (const one of wanted) {
      const urgency = one.urgency();
      if (!first.has(urgency)) first.set(urgency, one);
    }
    const next = order.map((urgency) => first.get(urgency)).find((one) => one !== undefined);
    this.#waiting.splice(0, Number.POSITIVE_INFINITY, ...wanted.filter((one) => one !== next));
    return next;
  }
}
