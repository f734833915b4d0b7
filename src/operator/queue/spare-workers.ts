const SPARE = 256;
/** Of what is left one cluster is lent so much at a time: however many it has taken, there is something for the next. */
const PART = 0.25;
/** Above this part of its time the event loop has its hands full, and more at a time would only be late together. */
const FULL = 0.9;
/** For how long the event loop is looked at, at least and at most: what it did long ago says nothing of now. */
const LOOK_MS = 50;
const STALE_MS = 5_000;

/**
 * Workers beyond those that each cluster may have, of the whole process, lent to clusters that are far away: many such clusters
 * that are busy at once must not need all its memory, files and time.
 */
export class SpareWorkers {
  readonly #utilization: () => number;
  #left: number;
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #isFull = true;

  /** @param utilization - part of the time for which the event loop was busy since this was last asked */
  constructor(count = SPARE, utilization: () => number = utilizationOfLoop()) {
    this.#left = count;
    this.#utilization = utilization;
  }

  /** @returns how many are lent; none while the process has its hands full, nor before it was looked at for a moment */
  take(count: number): number {
    this.#look();
    const taken = this.#isFull ? 0 : Math.min(count, Math.floor(this.#left * PART));
    this.#left -= taken;
    return taken;
  }

  giveBack(): void {
    this.#left += 1;
  }

  #look(): void {
    const nowMs = performance.now();
    const sinceMs = nowMs - this.#lookedAtMs;
    if (sinceMs < LOOK_MS) return;
    const utilization = this.#utilization();
    this.#isFull = sinceMs > STALE_MS || utilization > FULL;
    this.#lookedAtMs = nowMs;
  }
}

function utilizationOfLoop(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}
