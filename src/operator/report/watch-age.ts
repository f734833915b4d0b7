/** When each of several watches was last known to be in step: it listed, or told something. Times are of a clock that nobody sets, in milliseconds. */
export class WatchAge {
  readonly #confirmedAtMs: Map<string, number>;

  /** @param watches - those that count; one that was never confirmed is as old as this object */
  constructor(watches: readonly string[], nowMs: number) {
    this.#confirmedAtMs = new Map(watches.map((watch) => [watch, nowMs]));
  }

  /** A watch that does not count is none of our business. */
  confirmed(watch: string, nowMs: number): void {
    if (this.#confirmedAtMs.has(watch)) this.#confirmedAtMs.set(watch, nowMs);
  }

  /** Age of the one that was not confirmed for longest, in seconds. */
  ageSeconds(nowMs: number): number {
    return (nowMs - Math.min(nowMs, ...this.#confirmedAtMs.values())) / 1000;
  }
}
