import { LEASES } from '../../api/names.ts';
import { isConflict } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import type { Instant, LeaseTiming } from '../candidacy.ts';
import type { KubeClient } from '../client.ts';
import { isOvertaken } from '../elector.ts';
import { Reflector } from '../reflector.ts';
import { Store } from '../store.ts';
import type { Look } from './membership.ts';
import {
  leasesOf,
  parseShardingLease,
  type ShardingClaim,
  type ShardingLease,
  shardIn,
  shardingObject,
} from './records.ts';

export interface LeaseTableOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** Name of the layout's Lease; the names of all others begin with it. */
  readonly base: string;
  readonly shards: number;
  readonly timing: LeaseTiming;
}

/** A Lease to write; what is the same for all of them is added here. */
export type LeaseWrite = Pick<ShardingClaim, 'name' | 'holder' | 'component' | 'isPutBack'>;

/** The Leases of the operator's namespace: listed, read, written by compare-and-swap. */
export class LeaseTable {
  readonly #options: LeaseTableOptions;

  constructor(options: LeaseTableOptions) {
    this.#options = options;
  }

  /**
   * All of them as they are now: a list without a version is answered from what the API server has agreed upon, never from a
   * cache that may be late. By no selector: an earlier release, or a person, may have made one without labels.
   *
   * @throws {ApiError | ConnectionError}
   */
  async look(): Promise<Look> {
    const { client, namespace, base } = this.#options;
    const sentAt = instant();
    const { items } = await client.list(LEASES, { namespace, signal: this.#deadline() });
    return { leases: leasesOf(base, items.map(parseShardingLease)), sentAt, answeredAt: instant() };
  }

  /** @throws {ApiError | ConnectionError} */
  async read(name: string): Promise<ShardingLease | undefined> {
    const { client, namespace } = this.#options;
    const raw = await client.get({ resource: LEASES, namespace, name });
    return raw === undefined ? undefined : parseShardingLease(raw);
  }

  /**
   * @param before - as it was read; undefined: to create it
   * @returns undefined when somebody wrote, created or deleted it before us
   * @throws {ApiError | ConnectionError} and whether it was written is then not known
   */
  async write(write: LeaseWrite, before: ShardingLease | undefined): Promise<ShardingLease | undefined> {
    const { client, namespace, shards, timing } = this.#options;
    // A member with a longer lease may rely on the duration that stands there.
    const isShared = write.component === 'leader' && before?.holder === write.holder;
    const durationMs = Math.max(timing.leaseMs, isShared ? before.durationMs : 0);
    const claim = { ...write, namespace, shards, durationMs, wallMs: Date.now(), version: VERSION };
    const object = shardingObject(claim, before);
    const signal = this.#deadline();
    try {
      const answer = before
        ? await client.update(LEASES, object, { signal })
        : await client.create(LEASES, object, { signal });
      return parseShardingLease(answer);
    } catch (error) {
      if (isOvertaken(error, before !== undefined)) return undefined;
      throw error;
    }
  }

  /** @throws {ApiError | ConnectionError} */
  async delete({ name, uid }: ShardingLease): Promise<void> {
    const { client, namespace } = this.#options;
    try {
      await client.delete({ resource: LEASES, namespace, name }, { uid, signal: this.#deadline() });
    } catch (error) {
      if (!isConflict(error)) throw error;
    }
  }

  /**
   * Tells what changes, to wake whoever waits for it. What it tells may be late.
   *
   * @param told - each Lease as it is now, and as it was before; undefined where it was not there, or is not
   */
  watch(told: (now: ShardingLease | undefined, before: ShardingLease | undefined) => void): Watch {
    const { client, namespace, base } = this.#options;
    const store = new Store<ShardingLease>();
    store.onChange((event) => {
      const { name } = event.object;
      const isOfUs =
        name === base || name.startsWith(`${base}-replica-`) || shardIn(base, name) !== undefined;
      if (!isOfUs) return;
      if (event.type === 'deleted') told(undefined, event.object);
      else told(event.object, event.type === 'updated' ? event.old : undefined);
    });
    return new Reflector({ client, resource: LEASES, namespace, store, parse: parseShardingLease });
  }

  /** Short enough that after one that hangs there is time for others. */
  #deadline(): AbortSignal {
    return AbortSignal.timeout(Math.ceil(this.#options.timing.renewMs / 3));
  }
}

/** A watch that goes on until it is stopped. */
export type Watch = Pick<Reflector<ShardingLease>, 'start' | 'stop'>;

/** Now, by both clocks. */
export function instant(): Instant {
  return { monotonicMs: performance.now(), wallMs: Date.now() };
}
