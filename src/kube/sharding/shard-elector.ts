import { backoffMs, pause } from '../backoff.ts';
import { type ElectorOptions, type Leadership, type LeadershipListener, tellFailure } from '../elector.ts';
import { Bell } from './bell.ts';
import { instant, LeaseTable, type Watch } from './lease-table.ts';
import type { RenewalWrite } from './membership.ts';
import type { ShardStep, ShardWrite } from './plan.ts';
import { memberLeaseName, type ShardingLease, shardLeaseName } from './records.ts';
import { type Change, ShardCandidacy } from './shard-candidacy.ts';

export interface ShardListener extends LeadershipListener {
  /** These may be worked on from now on. Called after `elected`. */
  acquired(shards: readonly number[]): void;
  /** Another replica is to have these: resolves when nothing of them is at work here any more. `owns` is false for them already. */
  release(shards: readonly number[]): Promise<void>;
}

export interface ShardElectorOptions extends Omit<ElectorOptions, 'listener'> {
  /** Into how many shards the clusters are divided. */
  readonly shards: number;
  readonly listener: ShardListener;
}

/** Writes on their way at once. */
const PARALLEL = 8;
/** Between two looks at least: what changes together is seen together. */
const LOOK_GAP_MS = 20;
const BACKOFF_MS = 100;

/**
 * A member of those who divide the shards among themselves by Leases: joins when it may, renews, takes its part and hands over
 * what is another's. Two loops, so that no look and no hand-over delays a renewal. What is decided is decided in
 * {@link ShardCandidacy}.
 */
export class ShardElector implements Leadership {
  readonly #options: ShardElectorOptions;
  readonly #candidacy: ShardCandidacy;
  readonly #table: LeaseTable;
  readonly #watch: Watch;
  readonly #stopping = new AbortController();
  readonly #renewal = new Bell();
  readonly #work = new Bell();
  /** What the listener was told last. */
  #leads = false;
  #deadline: NodeJS.Timeout | undefined;
  #running: Promise<unknown> | undefined;

  constructor(options: ShardElectorOptions) {
    this.#options = options;
    const { name: base, identity: process, shards, timing } = options;
    this.#candidacy = new ShardCandidacy({ base, process, shards, timing });
    this.#table = new LeaseTable({ ...options, base });
    this.#watch = this.#table.watch((now, before) => this.#told(now, before));
  }

  /** Counts since the start. */
  get moves(): { readonly acquired: number; readonly released: number; readonly lost: number } {
    return this.#candidacy.moves;
  }

  /** True while this replica is a live member of the layout in force. */
  mayWrite(): boolean {
    return !this.#stopping.signal.aborted && this.#candidacy.mayWrite(instant());
  }

  /** True while nobody else can own this shard. */
  owns(shard: number): boolean {
    return !this.#stopping.signal.aborted && this.#candidacy.owns(shard, instant());
  }

  /** Who had each shard, and since when (milliseconds since the epoch), as last read. */
  ownership(): readonly { shard: number; holder: string; sinceMs: number }[] {
    return this.#candidacy.ownership();
  }

  start(): void {
    if (this.#running) return;
    this.#watch.start();
    this.#running = Promise.all([this.#renewForEver(), this.#workForEver()]);
  }

  /** Closes the fence, has the work stopped, and only then lets others have the shards, all at once. */
  async stop(stopWork: () => Promise<void>): Promise<void> {
    this.#stopping.abort();
    clearTimeout(this.#deadline);
    await Promise.all([stopWork(), this.#running]);
    try {
      await this.#leave();
    } catch (error) {
      // Without it, the others wait for the membership to run out.
      this.#options.onError(error);
    }
    await this.#watch.stop();
  }

  async #renewForEver(): Promise<void> {
    const { signal } = this.#stopping;
    const { retryMs } = this.#options.timing;
    let failures = 0;
    while (!signal.aborted) {
      try {
        await this.#renew();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!signal.aborted) await tellFailure(error, this.#options);
        // One that hung has taken its part of the time that there is: the next must not wait for its turn.
        await pause(backoffMs(failures, BACKOFF_MS, retryMs), signal);
        continue;
      }
      await this.#renewal.wait(retryMs * (0.9 + 0.2 * Math.random()), signal);
    }
  }

  /** Our own Lease, then the layout's. @throws {ApiError | ConnectionError} */
  async #renew(): Promise<void> {
    const { membership } = this.#candidacy;
    const member = membership.nextMember(instant());
    this.#settle();
    if (!member) return;
    if (!(await this.#writeRenewal(member))) {
      membership.readMember(await this.#table.read(this.#memberName));
      this.#settle();
      const again = membership.nextMember(instant());
      if (!(again && (await this.#writeRenewal(again)))) return;
    }
    const layout = membership.nextLayout(instant());
    if (layout && !(await this.#writeRenewal(layout))) this.#work.ring();
  }

  get #memberName(): string {
    return memberLeaseName(this.#options.name, this.#options.identity);
  }

  /** @returns false when somebody wrote before us */
  async #writeRenewal(write: RenewalWrite): Promise<boolean> {
    const { kind, holder, isPutBack, before } = write;
    const of =
      kind === 'member'
        ? { name: this.#memberName, component: 'replica' as const }
        : { name: this.#options.name, component: 'leader' as const };
    const askedAt = instant();
    const lease = await this.#table.write({ ...of, holder, isPutBack }, before);
    if (!lease) return false;
    this.#candidacy.membership.confirm(write, lease, askedAt, instant());
    this.#settle();
    return true;
  }

  async #workForEver(): Promise<void> {
    const { signal } = this.#stopping;
    const { retryMs } = this.#options.timing;
    let failures = 0;
    while (!signal.aborted) {
      try {
        if (await this.#lookAndAct()) this.#work.ring();
        failures = 0;
      } catch (error) {
        failures += 1;
        if (!signal.aborted) await tellFailure(error, this.#options);
        await pause(backoffMs(failures, BACKOFF_MS, retryMs), signal);
      }
      await pause(LOOK_GAP_MS, signal);
      await this.#work.wait(this.#candidacy.lookAgainInMs(instant()), signal);
    }
  }

  /** @returns whether anything was written. @throws {ApiError | ConnectionError} */
  async #lookAndAct(): Promise<boolean> {
    const change = this.#candidacy.see(await this.#table.look());
    this.#settle();
    this.#tell(change);
    if (!this.#leads) this.#renewal.ring();
    return this.#carryOut(this.#candidacy.plan(instant()));
  }

  #tell({ acquired, dropped }: Change): void {
    if (!this.#leads) return;
    if (dropped.length > 0) this.#end(dropped);
    if (acquired.length > 0) this.#options.listener.acquired(acquired);
  }

  async #carryOut(steps: readonly ShardStep[]): Promise<boolean> {
    const writes = steps.filter((step) => step.kind === 'write');
    const rest = steps.filter((step) => step.kind !== 'write');
    for (const step of rest) {
      if (step.kind === 'release') this.#end(step.shards);
    }
    // A right that rests on looking must not lapse over slow writes: what is left is planned anew.
    const untilMs = performance.now() + this.#options.timing.renewMs / 4;
    for (let done = 0; done < writes.length && this.#leads; done += PARALLEL) {
      if (performance.now() > untilMs) break;
      await this.#writeShards(writes.slice(done, done + PARALLEL));
    }
    for (const step of rest) {
      if (step.kind === 'bury') await this.#bury(step.lease);
      if (step.kind === 'delete') await this.#table.delete(step.lease);
    }
    return writes.length > 0;
  }

  async #bury(lease: ShardingLease): Promise<void> {
    const { name } = lease;
    await this.#table.write({ name, component: 'replica', holder: '', isPutBack: false }, lease);
  }

  /** @throws {ApiError | ConnectionError} of the first that failed, after what the others brought was told */
  async #writeShards(writes: readonly ShardWrite[]): Promise<void> {
    const results = await Promise.allSettled(writes.map((write) => this.#writeShard(write)));
    const acquired = writes.filter(({ shard }, index) => {
      const result = results[index];
      return result?.status === 'fulfilled' && result.value && this.#candidacy.owns(shard, instant());
    });
    this.#settle();
    this.#tell({ acquired: acquired.map(({ shard }) => shard), dropped: [] });
    const failed = results.find((result) => result.status === 'rejected');
    if (failed) throw failed.reason;
  }

  /** @returns whether the shard has become ours by it */
  async #writeShard(write: ShardWrite): Promise<boolean> {
    const name = shardLeaseName(this.#options.name, write.shard);
    const { holder, isPutBack, before } = write;
    this.#candidacy.attempt(write);
    const lease = await this.#table.write({ name, component: 'shard', holder, isPutBack }, before);
    return lease !== undefined && this.#candidacy.confirm(write, lease, instant());
  }

  /** Has the work on these ended; then the next look hands them over. */
  #end(shards: readonly number[]): void {
    const { identity } = this.#candidacy.membership;
    const { listener, timing, onError } = this.#options;
    // The fence is closed for them: what has not ended by then cannot be writing.
    const patience = pause(timing.leaseMs, this.#stopping.signal);
    void Promise.race([Promise.resolve().then(() => listener.release(shards)), patience])
      .catch(onError)
      .then(() => {
        this.#candidacy.released(shards, identity);
        this.#work.ring();
      });
  }

  /** A watch told of a Lease: what matters to us is looked at anew. */
  #told(now: ShardingLease | undefined, before: ShardingLease | undefined): void {
    if (now) this.#candidacy.glimpse(now, performance.now());
    const { identity } = this.#candidacy.membership;
    const isShard = (now ?? before)?.name.includes('-shard-');
    const isAnothers = isShard && now && now.holder !== '' && now.holder !== identity;
    if (now?.holder !== before?.holder && !isAnothers) this.#work.ring();
  }

  /** Tells the listener what has become of the membership, and watches over its end. */
  #settle(): void {
    const { membership } = this.#candidacy;
    this.#candidacy.settle();
    const loss = membership.takeLoss();
    if (this.#stopping.signal.aborted) return;
    if (this.#leads && loss !== undefined) {
      this.#leads = false;
      this.#options.listener.lost(loss);
      this.#work.ring();
    }
    if (!this.#leads && this.mayWrite()) {
      this.#leads = true;
      this.#options.listener.elected();
      this.#work.ring();
    }
    this.#armDeadline();
  }

  /** A renewal may hang longer than we may write: the deadline does not wait for it. */
  #armDeadline(): void {
    clearTimeout(this.#deadline);
    const leftMs = this.#candidacy.membership.leftMs(instant());
    if (leftMs === Number.POSITIVE_INFINITY) return;
    this.#deadline = setTimeout(() => {
      this.#candidacy.membership.lapseIfDue(instant());
      this.#settle();
    }, leftMs + 1);
  }

  async #leave(): Promise<void> {
    const { identity } = this.#candidacy.membership;
    const resignation = this.#candidacy.membership.resignation();
    if (identity === undefined || !resignation) return;
    await this.#writeRenewal(resignation);
    const vacation = this.#candidacy.vacation(await this.#table.look(), identity);
    if (vacation) await this.#writeRenewal(vacation);
  }
}
