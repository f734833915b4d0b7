import { createHash } from 'node:crypto';

/** The largest number of shards: one list of their Leases is to stay small. */
export const MAX_SHARDS = 512;

/**
 * The shard of a cluster, from 0 to `shards` - 1. By the cluster's id alone, so that every replica and every release says the same.
 *
 * @throws {RangeError} when `shards` is not an integer from 1 to {@link MAX_SHARDS}
 */
export function shardOf(cluster: string, shards: number): number {
  if (!Number.isInteger(shards) || shards < 1 || shards > MAX_SHARDS) {
    throw new RangeError(`shards must be an integer from 1 to ${MAX_SHARDS}, got ${shards}`);
  }
  return weight(cluster) % shards;
}

/**
 * Who of the live members should have a shard: rendezvous hashing (highest random weight). Who joins takes from the others only
 * what is its own now, and of whoever leaves only its shards move.
 *
 * @returns undefined when nobody lives
 */
export function ownerOf(shard: number, members: readonly string[]): string | undefined {
  let best: { readonly member: string; readonly weight: number } | undefined;
  for (const member of members) {
    const own = weight(`${shard}/${member}`);
    const isBetter = !best || own > best.weight || (own === best.weight && member < best.member);
    if (isBetter) best = { member, weight: own };
  }
  return best?.member;
}

/**
 * Who should have each shard, given who has it now: rendezvous hashing with bounded loads. Everybody gets an even part, for the
 * largest part is what moves when its owner dies. Who has more gives up those that it has the least weight for; what nobody has
 * goes to the weightiest who has room. Where nothing has to move, nothing does.
 *
 * @param owners - of each shard; undefined, or somebody who is no member: nobody
 * @returns of each shard; undefined only when nobody lives
 */
export function assign(
  owners: readonly (string | undefined)[],
  members: readonly string[],
): readonly (string | undefined)[] {
  const assigned: (string | undefined)[] = owners.map(() => undefined);
  const room = new Map<string, number>();
  for (const { member, own, part } of parts(owners, members)) {
    for (const shard of own.slice(0, part)) assigned[shard] = member;
    room.set(member, Math.max(0, part - own.length));
  }
  for (const [shard, member] of assigned.entries()) {
    if (member !== undefined) continue;
    const taker = ownerOf(
      shard,
      members.filter((other) => (room.get(other) ?? 0) > 0),
    );
    assigned[shard] = taker;
    if (taker !== undefined) room.set(taker, (room.get(taker) ?? 0) - 1);
  }
  return assigned;
}

interface Part {
  readonly member: string;
  /** What it has, the weightiest first. */
  readonly own: readonly number[];
  /** How many it should have. */
  readonly part: number;
}

/** Parts that differ by one at most; the larger ones to those who have most already. */
function parts(owners: readonly (string | undefined)[], members: readonly string[]): readonly Part[] {
  const even = Math.floor(owners.length / members.length);
  const larger = owners.length % members.length;
  return members
    .map((member) => ({ member, own: shardsOf(member, owners) }))
    .sort((a, b) => b.own.length - a.own.length || (a.member < b.member ? -1 : 1))
    .map((one, rank) => ({ ...one, part: even + (rank < larger ? 1 : 0) }));
}

function shardsOf(member: string, owners: readonly (string | undefined)[]): readonly number[] {
  return owners
    .flatMap((owner, shard) => (owner === member ? [{ shard, weight: weight(`${shard}/${member}`) }] : []))
    .sort((a, b) => b.weight - a.weight || a.shard - b.shard)
    .map(({ shard }) => shard);
}

/** 48 bits: as many as a number holds exactly, in whole bytes. */
function weight(text: string): number {
  return createHash('sha256').update(text).digest().readUIntBE(0, 6);
}
