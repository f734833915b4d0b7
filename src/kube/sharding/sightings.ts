import type { LeaseTiming } from '../candidacy.ts';
import { isCounted, isOlder } from '../versions.ts';
import { type Leases, memberLeaseName, processOf, type ShardingLease } from './records.ts';

interface Sighting {
  readonly version: string;
  /** By our monotonic clock: a moment after this version was written. */
  readonly sinceMs: number;
  /** Since when the object is there, in whatever version. */
  readonly uid: string;
  readonly thereSinceMs: number;
  /** It was seen to change, or to come: somebody alive wrote it. */
  readonly isFresh: boolean;
  /** A later version was seen before: the plane was put back from a backup. */
  readonly wentBack: boolean;
}

/**
 * Since when we have ourselves seen each Lease unchanged, and what follows from it: who is dead. Pure.
 *
 * A watch may tell a version first: that version was written before it told it, however late that was. But only a list that was
 * sent after the time was over says that it still stands; see {@link isDead}.
 */
export class Sightings {
  readonly #base: string;
  readonly #timing: LeaseTiming;
  readonly #seen = new Map<string, Sighting>();
  /** Members' Leases that were there, or that a shard names, and are not there. */
  readonly #missingSinceMs = new Map<string, number>();
  #hasLooked = false;

  constructor(base: string, timing: LeaseTiming) {
    this.#base = base;
    this.#timing = timing;
  }

  /** A watch told one Lease: a watch may be late. `atMs` is a moment after that, by the monotonic clock. */
  glimpse(lease: ShardingLease, atMs: number): void {
    const known = this.#seen.get(lease.name);
    if (!(known && isOlder(lease.resourceVersion, known.version))) this.see(lease, atMs);
  }

  /**
   * One Lease was read, or written.
   *
   * @param atMs - a moment after that
   * @param sentMs - a moment before the read was sent; without it, it may be of before what was seen last
   */
  see({ name, uid, resourceVersion }: ShardingLease, atMs: number, sentMs = Number.NEGATIVE_INFINITY): void {
    const known = this.#seen.get(name);
    if (known?.version === resourceVersion) return;
    const wentBack =
      known !== undefined && known.sinceMs <= sentMs && isEarlier(resourceVersion, known.version);
    this.#seen.set(name, {
      version: resourceVersion,
      sinceMs: atMs,
      uid,
      thereSinceMs: known?.uid === uid && !wentBack ? known.thereSinceMs : atMs,
      isFresh: known !== undefined || this.#hasLooked,
      wentBack,
    });
  }

  /** All Leases were listed. */
  seeAll(leases: Leases, atMs: number, sentMs: number): void {
    for (const lease of recordsOf(leases)) this.see(lease, atMs, sentMs);
    const named = [...leases.shards.values()].map(({ holder }) => this.#memberOf(holder));
    const expected = new Set([...this.#seen.keys(), ...this.#missingSinceMs.keys(), ...named]);
    for (const name of expected) {
      if (!name.startsWith(`${this.#base}-replica-`)) continue;
      if (leases.members.has(name)) this.#missingSinceMs.delete(name);
      else if (!this.#missingSinceMs.has(name)) this.#missingSinceMs.set(name, atMs);
    }
    this.#forget(leases, atMs);
    this.#hasLooked = true;
  }

  /** Milliseconds, from `nowMs`, until a list may show that whoever wrote this Lease is dead. 0: one that is sent now may. */
  runsOutInMs(lease: ShardingLease, nowMs: number): number {
    const seen = this.#seen.get(lease.name);
    const sinceMs = seen?.version === lease.resourceVersion ? seen.sinceMs : nowMs;
    return Math.max(0, sinceMs + Math.max(lease.durationMs, this.#timing.leaseMs) - nowMs);
  }

  /** For how long this Lease has been seen as it is. */
  unchangedMs(lease: ShardingLease, nowMs: number): number {
    const seen = this.#seen.get(lease.name);
    return seen?.version === lease.resourceVersion ? nowMs - seen.sinceMs : 0;
  }

  /** It was put back from a backup, so lately that whoever had it since may not know. */
  wentBack(lease: ShardingLease, nowMs: number): boolean {
    const seen = this.#seen.get(lease.name);
    const isSo = seen?.version === lease.resourceVersion && seen.wentBack;
    return isSo && nowMs - seen.sinceMs < this.#timing.leaseMs;
  }

  /** For how long this object has been seen to be there, since it was created, or put back from a backup, for the last time. */
  thereMs({ name, uid }: ShardingLease, nowMs: number): number {
    const seen = this.#seen.get(name);
    return seen?.uid === uid ? nowMs - seen.thereSinceMs : 0;
  }

  /** Whether a member may be given shards: it was seen to write, and not too long ago. */
  isThriving(lease: ShardingLease, nowMs: number): boolean {
    const isFresh = this.#seen.get(lease.name)?.isFresh ?? false;
    return isFresh && this.unchangedMs(lease, nowMs) < this.#timing.renewMs;
  }

  /**
   * Whether the membership that goes by this identity cannot act any more, nor ever again.
   *
   * @param leases - as a list told them
   * @param sentMs - a moment before that list was sent, by the monotonic clock
   */
  isDead(identity: string, leases: Leases, sentMs: number): boolean {
    return this.deadInMs(identity, leases, sentMs) === 0;
  }

  /** Milliseconds after `sentMs` until a list may show that; 0: it does. */
  deadInMs(identity: string, leases: Leases, sentMs: number): number {
    if (identity === '') return 0;
    const name = this.#memberOf(identity);
    const lease = leases.members.get(name);
    if (!lease) {
      const sinceMs = this.#missingSinceMs.get(name) ?? sentMs;
      return Math.max(0, sinceMs + this.#timing.leaseMs - sentMs);
    }
    // It gave its membership back, or has begun another: it did so after it had stopped to act.
    if (lease.holder !== identity) return 0;
    return this.runsOutInMs(lease, sentMs);
  }

  /** A member's Lease was there and somebody deleted it, so lately that the member may not know. */
  hasLostMember(nowMs: number): boolean {
    return [...this.#missingSinceMs.values()].some((sinceMs) => nowMs - sinceMs < this.#timing.leaseMs);
  }

  #memberOf(identity: string): string {
    return memberLeaseName(this.#base, processOf(identity));
  }

  #forget({ members, shards, layout }: Leases, atMs: number): void {
    const there = new Set(recordsOf({ members, shards, layout }).map(({ name }) => name));
    for (const name of this.#seen.keys()) if (!there.has(name)) this.#seen.delete(name);
    const named = new Set([...shards.values()].map(({ holder }) => this.#memberOf(holder)));
    for (const [name, sinceMs] of this.#missingSinceMs) {
      if (atMs - sinceMs >= this.#timing.leaseMs && !named.has(name)) this.#missingSinceMs.delete(name);
    }
  }
}

function isEarlier(a: string, b: string): boolean {
  return isCounted(a) && isCounted(b) && isOlder(a, b);
}

function recordsOf({ layout, members, shards }: Leases): readonly ShardingLease[] {
  return [...(layout ? [layout] : []), ...members.values(), ...shards.values()];
}
