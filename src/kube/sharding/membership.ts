import type { Instant, LeaseTiming } from '../candidacy.ts';
import { type Leases, layoutHolder, memberLeaseName, type ShardingLease } from './records.ts';
import type { Sightings } from './sightings.ts';
import { Tenure } from './tenure.ts';

/** All Leases as one list told them, and the moments before it was asked for and after it was answered. */
export interface Look {
  readonly leases: Leases;
  readonly sentAt: Instant;
  readonly answeredAt: Instant;
}

/** The Lease of this replica, or of the layout, to write on what was read. */
export interface RenewalWrite {
  readonly kind: 'member' | 'layout';
  readonly holder: string;
  readonly isPutBack: boolean;
  /** undefined: it is to be created. */
  readonly before: ShardingLease | undefined;
}

export interface ReplicaOptions {
  /** Name of the layout's Lease; the names of all others begin with it. */
  readonly base: string;
  /** Of this process, for its whole life. */
  readonly process: string;
  readonly shards: number;
  readonly timing: LeaseTiming;
}

/**
 * Whether one replica is a member of the layout in force, and how it becomes and stays one. Pure: no I/O, no timers, no clock of
 * its own.
 *
 * A member writes its own Lease first and the layout's then: so whoever is about to give the layout back either sees the new
 * member, or cannot write on what it saw.
 */
export class Membership {
  readonly #options: ReplicaOptions;
  readonly #sightings: Sightings;
  readonly #holder: string;
  #tenure: Tenure | undefined;
  #tenures = 0;
  #lossReason: string | undefined;
  #look: Look | undefined;
  #member: ShardingLease | undefined;
  #layout: { readonly lease: ShardingLease | undefined; readonly atMs: number } | undefined;
  /** Since when the layout's Lease was seen as held by this layout, and put back. */
  #putBackSinceMs: number | undefined;
  #founded = false;

  constructor(options: ReplicaOptions, sightings: Sightings) {
    this.#options = options;
    this.#sightings = sightings;
    this.#holder = layoutHolder(options.shards);
  }

  /** Of the present membership, or of the one that is being begun. */
  get identity(): string | undefined {
    return this.#tenure?.identity;
  }

  mayWrite(now: Instant): boolean {
    return this.#hasBegun && this.leftMs(now) > 0;
  }

  /** Milliseconds until the membership lapses; infinite where there is none. */
  leftMs(now: Instant): number {
    return this.#tenure?.leftMs(now) ?? Number.POSITIVE_INFINITY;
  }

  /** Why the last membership that had begun was lost; said once. */
  takeLoss(): string | undefined {
    const reason = this.#lossReason;
    this.#lossReason = undefined;
    return reason;
  }

  /** Whether this membership put the layout in force where none was; said once. */
  takeFounding(): boolean {
    const founded = this.#founded;
    this.#founded = false;
    return founded;
  }

  /** Ends the membership when its time is over. */
  lapseIfDue(now: Instant): void {
    if (this.leftMs(now) === 0) this.#lose('not renewed in time');
  }

  /** All Leases were listed. The sightings know. */
  see(look: Look): void {
    const before = this.#look;
    const { layout, members } = look.leases;
    this.#look = look;
    if (!this.#tenure) this.#member = members.get(this.#memberName);
    this.lapseIfDue(look.answeredAt);
    this.#tenure?.confirm('look', look.sentAt);
    // What was asked for before our own write was answered may be of before that write.
    if (look.sentAt.monotonicMs >= (this.#layout?.atMs ?? 0)) {
      this.#note(layout, look.sentAt.monotonicMs, look.answeredAt);
      if (layout && layout.holder !== this.#holder) this.#meet(layout, look.answeredAt);
    }
    if (!before || !this.#isInForce(layout)) return;
    const isRenewed = before.leases.layout?.resourceVersion !== layout?.resourceVersion;
    // By somebody, after the look before was sent. Counts only for those who have written it themselves once.
    if (isRenewed && this.#tenure?.since('layout')) this.#tenure.confirm('layout', before.sentAt);
  }

  /** How to begin the membership or to renew it; undefined: there is nothing to do but wait. */
  nextMember(now: Instant): RenewalWrite | undefined {
    this.lapseIfDue(now);
    if (!this.#tenure && !this.#begin(now)) return undefined;
    return { kind: 'member', holder: this.#tenure?.identity ?? '', isPutBack: false, before: this.#member };
  }

  /** How to put the layout in force, or to keep it so; undefined: nothing to do now. */
  nextLayout(now: Instant): RenewalWrite | undefined {
    this.lapseIfDue(now);
    if (!this.#tenure?.hasMember) return undefined;
    const before = this.#layout?.lease;
    const write = { kind: 'layout' as const, holder: this.#holder, before, isPutBack: false };
    if (!before) return { ...write, isPutBack: !(this.mayWrite(now) || this.#isPristine()) };
    if (before.holder !== this.#holder) return this.layoutFreeInMs(now) === 0 ? write : undefined;
    const isPutBack = before.isPutBack && !this.#mayUnmark(now);
    const isDue = before.isPutBack !== isPutBack || this.#isRenewalDue(before, now);
    return isDue ? { ...write, isPutBack } : undefined;
  }

  /** Milliseconds until the layout's Lease may be written by this layout, if it stays as it is. */
  layoutFreeInMs(now: Instant): number {
    const lease = this.#layout?.lease;
    if (!lease || lease.holder === '' || lease.holder === this.#holder) return 0;
    return this.#sightings.runsOutInMs(lease, now.monotonicMs);
  }

  /** The API server took a write. `askedAt` is a moment before it was sent. */
  confirm(write: RenewalWrite, lease: ShardingLease, askedAt: Instant, answeredAt: Instant): void {
    this.#sightings.see(lease, answeredAt.monotonicMs);
    if (write.kind === 'member') this.#member = lease;
    else this.#note(lease, answeredAt.monotonicMs, answeredAt);
    this.lapseIfDue(answeredAt);
    if (!this.#tenure || lease.isPutBack) return;
    if (write.kind === 'member') {
      if (lease.holder === this.#tenure.identity) this.#tenure.confirm('member', askedAt);
      return;
    }
    if (lease.holder !== this.#holder) return;
    if (!this.#tenure.since('layout')) this.#founded = write.before?.holder !== this.#holder;
    this.#tenure.confirm('layout', askedAt);
  }

  /** This replica's Lease was read, because a write of it was refused. */
  readMember(lease: ShardingLease | undefined): void {
    this.#member = lease;
    if (this.#tenure?.hasMember && lease && lease.holder !== this.#tenure.identity) {
      this.#lose(`its Lease ${lease.name} is held by ${lease.holder || 'nobody'}`);
    }
  }

  /** How to give this replica's Lease back, after all work has ended; undefined: it holds none. */
  resignation(): RenewalWrite | undefined {
    const before = this.#member;
    const isOurs = before !== undefined && before.holder !== '' && before.holder === this.#tenure?.identity;
    return isOurs ? { kind: 'member', holder: '', isPutBack: false, before } : undefined;
  }

  get #hasBegun(): boolean {
    return this.#tenure?.hasBegun ?? false;
  }

  get #memberName(): string {
    return memberLeaseName(this.#options.base, this.#options.process);
  }

  #begin(now: Instant): boolean {
    const { process, timing } = this.#options;
    const sentAt = this.#look?.sentAt;
    const isRecent = sentAt && now.monotonicMs - sentAt.monotonicMs < timing.renewMs / 2;
    if (!isRecent || this.layoutFreeInMs(now) > 0) return false;
    this.#tenures += 1;
    this.#tenure = new Tenure(`${process}#${this.#tenures}`, timing.renewMs);
    this.#tenure.confirm('look', sentAt);
    return this.#tenure.leftMs(now) > 0;
  }

  #lose(reason: string): void {
    if (this.#hasBegun) this.#lossReason = reason;
    this.#tenure = undefined;
    this.#founded = false;
  }

  /** Another holds the layout's Lease, or nobody does. */
  #meet(layout: ShardingLease, now: Instant): void {
    if (!this.#hasBegun && this.layoutFreeInMs(now) === 0) return;
    this.#lose(`the Lease ${layout.name} is held by ${layout.holder || 'nobody'}`);
  }

  /** What is known of the layout's Lease, as it was at `atMs` or later; noticed at `now`. */
  #note(lease: ShardingLease | undefined, atMs: number, now: Instant): void {
    this.#layout = { lease, atMs };
    const isWaiting = lease?.holder === this.#holder && lease.isPutBack;
    this.#putBackSinceMs = isWaiting ? (this.#putBackSinceMs ?? now.monotonicMs) : undefined;
  }

  #isInForce(layout: ShardingLease | undefined): boolean {
    return layout?.holder === this.#holder && !layout.isPutBack;
  }

  /** No shard's Lease was there: this is no Lease that somebody deleted, but the first of an installation. */
  #isPristine(): boolean {
    if (!this.#look || this.#tenure?.since('layout')) return false;
    const { shards, layout } = this.#look.leases;
    return !layout && shards.size === 0;
  }

  /** All who may not know that the Lease was deleted have lapsed, or this member has held its right all the while. */
  #mayUnmark(now: Instant): boolean {
    const sinceMs = this.#putBackSinceMs ?? now.monotonicMs;
    return this.mayWrite(now) || now.monotonicMs - sinceMs >= this.#options.timing.leaseMs;
  }

  #isRenewalDue(lease: ShardingLease, now: Instant): boolean {
    const { renewMs, retryMs } = this.#options.timing;
    if (this.#sightings.unchangedMs(lease, now.monotonicMs) >= 0.75 * retryMs) return true;
    const since = this.#tenure?.since('layout');
    return !lease.isPutBack && (!since || now.monotonicMs - since.monotonicMs > 0.75 * renewMs);
  }
}
