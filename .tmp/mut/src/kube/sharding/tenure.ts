import type { Instant } from '../candidacy.ts';

/** What a member's right to write rests on: its own Lease, the layout's, and a look at all of them. */
export type Ground = 'member' | 'layout' | 'look';

/**
 * One time of membership, from the first confirmed write of its Lease until it lapses. Pure.
 *
 * Each ground counts from a moment before what confirmed it was asked, and by both clocks. Once one has run out, the membership
 * has lapsed for good: an answer that comes later opens nothing, for others may have judged it dead meanwhile.
 */
export class Tenure {
  readonly identity: string;
  readonly #renewMs: number;
  readonly #grounds = new Map<Ground, Instant>();

  constructor(identity: string, renewMs: number) {
    this.identity = identity;
    this.#renewMs = renewMs;
  }

  /** The Lease of the member was confirmed. */
  get hasMember(): boolean {
    return this.#grounds.has('member');
  }

  /** All grounds were confirmed once. */
  get hasBegun(): boolean {
    return this.#grounds.size === 3;
  }

  since(ground: Ground): Instant | undefined {
    return this.#grounds.get(ground);
  }

  /** One ground holds from `askedAt` on; an earlier one than is known changes nothing. */
  confirm(ground: Ground, askedAt: Instant): void {
    const known = this.#grounds.get(ground);
    if (known && known.monotonicMs >= askedAt.monotonicMs) return;
    this.#grounds.set(ground, askedAt);
  }

  /** Milliseconds until it lapses, if nothing more is confirmed; 0: it has. */
  leftMs(now: Instant): number {
    let left = Number.POSITIVE_INFINITY;
    for (const { monotonicMs, wallMs } of this.#grounds.values()) {
      left = Math.min(left, monotonicMs - now.monotonicMs, wallMs - now.wallMs);
    }
    return Math.max(0, left + this.#renewMs);
  }
}
