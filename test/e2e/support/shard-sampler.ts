import { setTimeout as delay } from 'node:timers/promises';
import { LEASE } from '../../../src/api/names.ts';
import { memberLeaseName, parseShardingLease, processOf } from '../../../src/kube/sharding/records.ts';
import type { Any } from '../../support/plane-client.ts';

/** Looks at the Leases all the while: who has which shard, and for how long one had nobody. */
export interface ShardSampler {
  /** Process by shard, of those that live, as of now. */
  owners(): Promise<ReadonlyMap<number, string>>;
  /** What was before does not count. */
  begin(): void;
  /** Since it began, of any shard, what lasts still included. In milliseconds, up to a sample too long. */
  longestWithoutOwnerMs(): number;
  stop(): Promise<void>;
}

const INTERVAL_MS = 200;

/** A member lives while its Lease was seen to change within a Lease duration. */
export function sampleShards(
  list: () => Promise<readonly Any[]>,
  { shards, leaseMs }: { readonly shards: number; readonly leaseMs: number },
): ShardSampler {
  const changed = new Map<string, { version: string; atMs: number }>();
  const ownedAtMs = new Map<number, number>();
  let [longestMs, going] = [0, true];

  const look = async (): Promise<ReadonlyMap<number, string>> => {
    const leases = (await list()).map(parseShardingLease);
    const nowMs = performance.now();
    for (const { name, resourceVersion: version } of leases)
      if (changed.get(name)?.version !== version) changed.set(name, { version, atMs: nowMs });
    const holders = new Map(leases.map((lease) => [lease.name, lease.holder]));
    const owners = new Map<number, string>();
    for (let shard = 0; shard < shards; shard += 1) {
      const holder = holders.get(`${LEASE}-shard-${shard}`) ?? '';
      const member = memberLeaseName(LEASE, processOf(holder));
      const isLive = nowMs - (changed.get(member)?.atMs ?? 0) < leaseMs;
      if (holder !== '' && holders.get(member) === holder && isLive) owners.set(shard, processOf(holder));
      longestMs = Math.max(longestMs, nowMs - (ownedAtMs.get(shard) ?? nowMs));
      if (owners.has(shard)) ownedAtMs.set(shard, nowMs);
    }
    return owners;
  };
  const loop = (async () => {
    while (going) {
      await look();
      await delay(INTERVAL_MS);
    }
  })();
  // Whoever asks next is told that it failed.
  loop.catch(() => undefined);
  return {
    owners: look,
    begin() {
      longestMs = 0;
    },
    longestWithoutOwnerMs: () => Math.round(longestMs),
    async stop() {
      going = false;
      await loop.catch(() => undefined);
    },
  };
}
