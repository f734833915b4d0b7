/** Writes that take more than twice as long as the quickest wait for the API server, or for us, and not for the way there. */
const CROWDED = 2;
/** From here on fewer at a time are no slower. Between the two nothing changes: nothing is to swing. */
const OVERCROWDED = 3;
/** By how much the quickest is taken for slower with each look: the way to a cluster may get longer. */
const AGEING = 1.02;

/** What is to become of the number of workers. */
export type Step = 'more' | 'fewer' | 'same';

/**
 * Whether more writes at a time would be done sooner, by how long each takes. To an API server that is far away most of a write
 * is waiting, and more at a time cost nobody anything; near, they only wait in its queue instead of in ours.
 */
export class Pace {
  #quickestMs = Number.POSITIVE_INFINITY;
  #sumMs = 0;
  #count = 0;

  /**
   * A write was answered.
   *
   * @param tookMs - from when it was begun
   * @param atATime - workers that there are; it is looked at once per as many answers
   */
  answered(tookMs: number, atATime: number): Step {
    this.#quickestMs = Math.min(this.#quickestMs, tookMs);
    this.#sumMs += tookMs;
    this.#count += 1;
    if (this.#count < atATime) return 'same';
    const ratio = this.#sumMs / this.#count / this.#quickestMs;
    this.#quickestMs *= AGEING;
    this.#sumMs = 0;
    this.#count = 0;
    if (ratio < CROWDED) return 'more';
    return ratio > OVERCROWDED ? 'fewer' : 'same';
  }
}
