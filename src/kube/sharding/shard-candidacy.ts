import type { Instant } from '../candidacy.ts';
import { type Look, Membership, type RenewalWrite, type ReplicaOptions } from './membership.ts';
import {
  isLastOut,
  planAgainInMs,
  planShards,
  type ShardFacts,
  type ShardStep,
  type ShardWrite,
} from './plan.ts';
import { layoutHolder, processOf, type ShardingLease } from './records.ts';
import { Sightings } from './sightings.ts';

/** What a look changed of what we own. */
export interface Change {
  readonly acquired: readonly number[];
  /** No longer ours, and not by our will. */
  readonly dropped: readonly number[];
}

const NO_CHANGE: Change = { acquired: [], dropped: [] };

/**
 * What one replica knows of all Leases, and what follows from it: whether it is a member, which shards it owns, what it writes
 * next. Pure: no I/O, no timers, no clock of its own.
 *
 * Why no two processes ever act for one shard:
 * - The layout's Lease is held by all members of one layout together, as a single leader holds it: others take it when it is
 *   vacant, or has stood unchanged for its duration. A member acts only so long after a write of it that it knows of.
 * - A shard's Lease changes hands by compare-and-swap: given by its owner, who has ended to act for it, or taken when its owner
 *   is dead. Who was judged dead never acts again under that identity; see {@link Membership}.
 * - Where somebody deleted a Lease, it is put back at once, and nobody acts by it until all who may not know have lapsed. Nor does
 *   anybody begin to act by one that was put back from a backup.
 */
export class ShardCandidacy {
  readonly membership: Membership;
  readonly moves = { acquired: 0, released: 0, lost: 0 };
  readonly #options: ReplicaOptions;
  readonly #sightings: Sightings;
  /** The membership that `owned` and `leaving` are of. */
  #identity: string | undefined;
  readonly #owned = new Set<number>();
  readonly #leaving = new Map<number, 'releasing' | 'released'>();
  /** Shards whose Lease this membership, having founded the layout, may create as one that never was. */
  #unfounded = new Set<number>();
  #look: Look | undefined;
  #firstLookMs: number | undefined;
  /** When this membership planned first. */
  #plansSinceMs: number | undefined;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.#sightings = new Sightings(options.base, options.timing);
    this.membership = new Membership(options, this.#sightings);
  }

  mayWrite(now: Instant): boolean {
    return this.membership.mayWrite(now);
  }

  owns(shard: number, now: Instant): boolean {
    return this.#owned.has(shard) && this.#identity === this.membership.identity && this.mayWrite(now);
  }

  /** One Lease was told by a watch: not to be acted upon, but known from now on. */
  glimpse(lease: ShardingLease, atMs: number): void {
    this.#sightings.glimpse(lease, atMs);
  }

  /** All Leases were listed. */
  see(look: Look): Change {
    this.#firstLookMs ??= look.answeredAt.monotonicMs;
    this.#sightings.seeAll(look.leases, look.answeredAt.monotonicMs, look.sentAt.monotonicMs);
    this.membership.see(look);
    this.#look = look;
    this.settle();
    if (!this.mayWrite(look.answeredAt)) return NO_CHANGE;
    const held = new Set(
      [...look.leases.shards].filter(([, lease]) => this.#holds(lease)).map(([shard]) => shard),
    );
    for (const [shard, state] of this.#leaving) {
      if (state === 'released' && !held.has(shard)) this.#leaving.delete(shard);
    }
    const acquired = [...held].filter(
      (shard) => !(this.#owned.has(shard) || this.#leaving.has(shard) || this.#wentBack(shard, look)),
    );
    const dropped = [...this.#owned].filter((shard) => !held.has(shard));
    for (const shard of acquired) this.#acquire(shard);
    this.#leave(dropped);
    this.moves.lost += dropped.length;
    return { acquired, dropped };
  }

  /** What to do about the shards. What it says to release is owned no longer. */
  plan(now: Instant): readonly ShardStep[] {
    this.settle();
    if (!this.mayWrite(now)) return [];
    this.#plansSinceMs ??= now.monotonicMs;
    const facts = this.#facts();
    if (!facts) return [];
    const steps = planShards(facts);
    for (const step of steps) {
      if (step.kind === 'release') {
        this.#leave(step.shards);
        this.moves.released += step.shards.length;
      }
    }
    return steps;
  }

  /** This is about to be sent. A Lease that never was is created once: whether an attempt came through may not be known. */
  attempt({ shard, before }: ShardWrite): void {
    if (!before) this.#unfounded.delete(shard);
  }

  /** All work on these has ended, under the membership of that time. */
  released(shards: readonly number[], identity: string | undefined): void {
    if (identity === undefined || identity !== this.#identity) return;
    for (const shard of shards) if (this.#leaving.has(shard)) this.#leaving.set(shard, 'released');
  }

  /** The API server took a write of a shard's Lease. @returns whether the shard is ours from now on, and was not before */
  confirm(write: ShardWrite, lease: ShardingLease, now: Instant): boolean {
    this.#sightings.see(lease, now.monotonicMs);
    this.settle();
    if (write.holder !== this.#identity) {
      this.#leaving.delete(write.shard);
      return false;
    }
    if (!this.mayWrite(now) || !this.#holds(lease)) return false;
    this.#leaving.delete(write.shard);
    this.#acquire(write.shard);
    return true;
  }

  /** Follows the membership: what an earlier one owned is lost. */
  settle(): void {
    const { identity } = this.membership;
    if (this.membership.takeFounding()) {
      this.#unfounded = new Set(Array.from({ length: this.#options.shards }, (_, shard) => shard));
    }
    if (identity === this.#identity) return;
    this.#identity = identity;
    this.moves.lost += this.#owned.size;
    this.#owned.clear();
    this.#leaving.clear();
    this.#plansSinceMs = undefined;
    if (identity === undefined) this.#unfounded.clear();
  }

  /** Milliseconds until another look may show something new by the passing of time alone. */
  lookAgainInMs(now: Instant): number {
    if (!this.#look) return 0;
    const { renewMs } = this.#options.timing;
    const facts = this.#facts();
    const inMs = Math.min(renewMs / 3, facts ? planAgainInMs(facts) : Number.POSITIVE_INFINITY);
    const dueMs = this.#look.sentAt.monotonicMs + inMs - now.monotonicMs;
    const free = this.membership.layoutFreeInMs(now);
    return Math.max(0, free > 0 ? Math.min(dueMs, free) : dueMs);
  }

  /**
   * How to give the layout back, if nobody acts but ourselves, who have ended to.
   *
   * @param look - of after that end
   */
  vacation({ leases, sentAt }: Look, identity: string): RenewalWrite | undefined {
    const { shards, timing } = this.#options;
    const layout = leases.layout;
    if (!layout || layout.holder !== layoutHolder(shards) || layout.isPutBack) return undefined;
    // Whoever came a moment ago cannot know of a member whose Lease was deleted before that.
    const hasSeenAll = sentAt.monotonicMs - (this.#firstLookMs ?? sentAt.monotonicMs) >= timing.leaseMs;
    const facts = { identity, leases, sightings: this.#sightings, sentMs: sentAt.monotonicMs };
    if (!hasSeenAll || !isLastOut(facts)) return undefined;
    return { kind: 'layout', holder: '', isPutBack: false, before: layout };
  }

  /** Who had each shard, as last read. */
  ownership(): readonly { shard: number; holder: string; sinceMs: number }[] {
    return [...(this.#look?.leases.shards ?? [])]
      .filter(([shard, lease]) => shard < this.#options.shards && lease.shards === this.#options.shards)
      .sort(([a], [b]) => a - b)
      .map(([shard, { holder, acquireTime }]) => ({
        shard,
        holder: processOf(holder),
        sinceMs: Date.parse(acquireTime) || 0,
      }));
  }

  #holds(lease: ShardingLease): boolean {
    const isOurs = lease.holder === this.#identity && this.#identity !== undefined;
    return isOurs && lease.shards === this.#options.shards && !lease.isPutBack;
  }

  /** Its Lease names who had it when a backup was made. */
  #wentBack(shard: number, { leases, sentAt }: Look): boolean {
    const lease = leases.shards.get(shard);
    return lease !== undefined && this.#sightings.wentBack(lease, sentAt.monotonicMs);
  }

  #acquire(shard: number): void {
    this.#owned.add(shard);
    this.moves.acquired += 1;
  }

  #leave(shards: readonly number[]): void {
    for (const shard of shards) {
      this.#owned.delete(shard);
      this.#leaving.set(shard, 'releasing');
    }
  }

  #facts(): ShardFacts | undefined {
    if (!this.#look || this.#identity === undefined) return undefined;
    const { base, shards, timing } = this.#options;
    const sentMs = this.#look.sentAt.monotonicMs;
    return {
      ...{ base, shards, identity: this.#identity, leaseMs: timing.leaseMs },
      ...{ leases: this.#look.leases, sentMs },
      ...{ sightings: this.#sightings, leaving: this.#leaving },
      isFounded: sentMs - (this.#plansSinceMs ?? sentMs) >= timing.renewMs / 3,
      founds: (shard) => this.#unfounded.has(shard),
    };
  }
}
