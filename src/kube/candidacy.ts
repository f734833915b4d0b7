import type { LeaseRecord } from './lease.ts';
import { isOlder } from './versions.ts';

/** One moment, by both clocks, in milliseconds. */
export interface Instant {
  /** Never jumps, but may stand still while the machine sleeps. */
  readonly monotonicMs: number;
  /** Jumps, but goes on while the machine sleeps. */
  readonly wallMs: number;
}

export interface LeaseTiming {
  /** How long a Lease has to stand unchanged, as seen by a candidate, before it may be taken. */
  readonly leaseMs: number;
  /** How long after its last confirmed renewal a leader may write. Shorter than `leaseMs`: the rest is the margin. */
  readonly renewMs: number;
  /** How often a leader renews. Candidates look twice as often. */
  readonly retryMs: number;
}

/**
 * What one candidate knows of the Lease, and what follows from it. Pure: no I/O, no timers, no clock of its own.
 *
 * Source: the rules of client-go's leaderelection. The times inside a Lease are never compared with our clock; a candidate
 * measures how long it has itself seen the Lease unchanged, and a leader how long ago it asked for its last renewal.
 * Neither clock alone can make a leader: it must be within its time by both, so that a machine that slept, and a clock that
 * jumped, close the fence and never open it.
 */
export class Candidacy {
  readonly identity: string;
  readonly #timing: LeaseTiming;
  #seen: { readonly record: LeaseRecord; readonly sinceMs: number; readonly wentBack: boolean } | undefined;
  /** A write was sent, and may have come through or still do so, for all that is known. */
  #isUnanswered = false;
  #writesFromMs = Number.NEGATIVE_INFINITY;
  #renewedAt: Instant | undefined;

  constructor(identity: string, timing: LeaseTiming) {
    this.identity = identity;
    this.#timing = timing;
  }

  /** The Lease as last read or written; its resourceVersion makes the next write conditional. */
  get record(): LeaseRecord | undefined {
    return this.#seen?.record;
  }

  /** True from the first confirmed write until {@link lose}. Whether it may write is another question. */
  get holds(): boolean {
    return this.#renewedAt !== undefined;
  }

  /** The Lease was read. `at` is a moment after the answer came. */
  observe(record: LeaseRecord, at: Instant): void {
    const before = this.#seen?.record.resourceVersion;
    if (before === record.resourceVersion) return;
    // Not so where one was deleted, and made anew.
    const wentBack =
      Boolean(before && record.resourceVersion) && isOlder(record.resourceVersion, before ?? '');
    this.#seen = { record, sinceMs: at.monotonicMs, wentBack };
    if (record.holder !== this.identity) this.#isUnanswered = false;
  }

  /**
   * The Lease is not there. Where one was seen before, somebody deleted it, and whoever held it may not know yet: it may be
   * put back at once, but only after its whole duration may the one who did so write. Unless we hold it still: then nobody
   * else can.
   */
  observeMissing(at: Instant): void {
    if (!this.#seen) return;
    const holder = this.mayWrite(at) ? this.identity : '';
    this.observe({ ...this.#seen.record, holder, resourceVersion: '' }, at);
  }

  /**
   * Milliseconds until the Lease that was seen may be taken, if it stays as it is. 0: now. One that was put back from a backup is
   * another's, whoever it names, and if nobody: who had it before that may not know yet.
   */
  takeableInMs(now: Instant): number {
    if (!this.#seen) return 0;
    const { record, sinceMs, wentBack } = this.#seen;
    const isVacant = record.holder === '' && !wentBack;
    const isOurs = record.holder === this.identity && (this.holds || this.#isUnanswered);
    if (isVacant || isOurs) return 0;
    const waitMs = Math.max(record.durationMs, this.#timing.leaseMs);
    return Math.max(0, sinceMs + waitMs - now.monotonicMs);
  }

  /** A write that takes or renews the Lease is about to be sent. */
  attempt(): void {
    this.#isUnanswered = true;
  }

  /**
   * The API server took our write. `askedAt` is a moment before the request was sent: the time to write counts from there,
   * while everyone else's wait begins when they see the change, which is later.
   */
  confirm(record: LeaseRecord, askedAt: Instant, answeredAt: Instant): void {
    const putBack = this.#seen?.record.resourceVersion === '' && this.#seen.record.holder === '';
    if (putBack) this.#writesFromMs = answeredAt.monotonicMs + this.#timing.leaseMs;
    this.observe(record, answeredAt);
    this.#isUnanswered = false;
    this.#renewedAt = askedAt;
  }

  /** True while nobody else can have taken the Lease. */
  mayWrite(now: Instant): boolean {
    if (!this.#renewedAt || now.monotonicMs < this.#writesFromMs) return false;
    const { renewMs } = this.#timing;
    return (
      now.monotonicMs - this.#renewedAt.monotonicMs < renewMs && now.wallMs - this.#renewedAt.wallMs < renewMs
    );
  }

  /** From here on, only another confirmed write makes this a holder. */
  lose(): void {
    this.#renewedAt = undefined;
  }
}
