/** Clocks within this are as good as equal: tokens end to the second, and nobody will notice. */
export const CLOCKS_AGREE_MS = 5_000;

/**
 * What time it is by the management plane, which set the expiry of its tokens: from the `Date` of its last answer, and counted on
 * by a clock that nobody sets. Up to a second behind, as that header is.
 */
export class PlaneClock {
  readonly #now: () => number;
  #said: { readonly ms: number; readonly atMs: number } | undefined;

  /** @param now - our own clock, for as long as the plane has not said anything */
  constructor(now: () => number) {
    this.#now = now;
  }

  /** @param date - as an answer's header says it; what cannot be read is ignored */
  told(date: string | undefined): void {
    const ms = Date.parse(date ?? '');
    if (Number.isFinite(ms)) this.#said = { ms, atMs: performance.now() };
  }

  /** Milliseconds since the epoch; undefined as long as the plane has not said what time it is. */
  said(): number | undefined {
    return this.#said && this.#said.ms + performance.now() - this.#said.atMs;
  }

  /** Milliseconds since the epoch. */
  now(): number {
    return this.said() ?? this.#now();
  }
}
