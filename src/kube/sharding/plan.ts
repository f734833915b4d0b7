import { assign } from './layout.ts';
import { type Leases, memberLeaseName, processOf, type ShardingLease } from './records.ts';
import type { Sightings } from './sightings.ts';

/** A Lease of a shard to write, on what was read. */
export interface ShardWrite {
  readonly kind: 'write';
  readonly shard: number;
  readonly holder: string;
  readonly isPutBack: boolean;
  /** undefined: it is to be created. */
  readonly before: ShardingLease | undefined;
}

/** What a member does next about the shards. */
export type ShardStep =
  | ShardWrite
  /** Work on these has to end here: another is to have them. */
  | { readonly kind: 'release'; readonly shards: readonly number[] }
  /** The Lease of a member that is dead, to be made vacant: who came later need not wait as long to know. */
  | { readonly kind: 'bury'; readonly lease: ShardingLease }
  /** A Lease that nobody needs any more. */
  | { readonly kind: 'delete'; readonly lease: ShardingLease };

/** All that the next steps follow from. */
export interface ShardFacts {
  readonly base: string;
  /** How many there are. */
  readonly shards: number;
  /** Of the present membership. */
  readonly identity: string;
  readonly leases: Leases;
  /** A moment before those were asked for, by the monotonic clock. */
  readonly sentMs: number;
  readonly leaseMs: number;
  readonly sightings: Sightings;
  /** Shards of ours that are to go: whether work on them has ended. */
  readonly leaving: ReadonlyMap<number, 'releasing' | 'released'>;
  /** Whether this membership founded the layout, and has not yet tried to create this shard's Lease. */
  readonly founds: (shard: number) => boolean;
  /** Whether whoever founded the layout has had the time to create all Leases: what is missing then was deleted. */
  readonly isFounded: boolean;
}

/** So many shards are without an owner at once while they move from one to another. */
const PACE = 8;
/** Members that are gone are kept this long, for people to see. */
const KEEP_MS = 3_600_000;
/** Leases deleted after one look: there is no hurry. */
const DELETES = 4;

/** What to do about the shards, all from one look. Pure. */
export function planShards(facts: ShardFacts): readonly ShardStep[] {
  const members = liveMembers(facts);
  const owners = ownersOf(facts);
  const steps = assign(owners, [...members.keys()]).map((process, shard) => {
    if (facts.leaving.get(shard) === 'releasing') return undefined;
    const lease = facts.leases.shards.get(shard);
    const target = members.get(process ?? '') ?? facts.identity;
    if (isHeld(facts, lease)) return heldStep(facts, { shard, lease, target });
    return freeStep(facts, { shard, lease, target, isFree: owners[shard] === undefined });
  });
  const surplus = [...steps.entries()].filter(([, step]) => step === 'release').map(([shard]) => shard);
  const shards = surplus.slice(0, Math.max(0, PACE - facts.leaving.size));
  return [
    ...steps.filter((step) => step !== undefined && step !== 'release'),
    ...(shards.length > 0 ? [{ kind: 'release' as const, shards }] : []),
    ...burials(facts),
    ...deletions(facts),
  ];
}

/** Milliseconds after the look until another may show more: somebody's death, or the end of a wait. */
export function planAgainInMs(facts: ShardFacts): number {
  const { leases, sightings, sentMs } = facts;
  let next = Number.POSITIVE_INFINITY;
  const at = (waitMs: number): void => {
    if (waitMs > 0) next = Math.min(next, waitMs);
  };
  for (const member of leases.members.values()) {
    if (member.holder !== '' && member.holder !== facts.identity) at(sightings.runsOutInMs(member, sentMs));
  }
  for (const lease of leases.shards.values()) {
    if (lease.isPutBack) at(facts.leaseMs - sightings.thereMs(lease, sentMs));
    if (lease.holder !== facts.identity) at(sightings.deadInMs(lease.holder, leases, sentMs));
  }
  return next;
}

/** Nobody else acts, nor may act without having written the layout's Lease after this look. */
export function isLastOut(facts: Pick<ShardFacts, 'leases' | 'sightings' | 'sentMs' | 'identity'>): boolean {
  const { leases, sightings, sentMs, identity } = facts;
  const holders = [...leases.members.values(), ...leases.shards.values()].map(({ holder }) => holder);
  const others = holders.filter((holder) => holder !== identity);
  return (
    !sightings.hasLostMember(sentMs) && others.every((holder) => sightings.isDead(holder, leases, sentMs))
  );
}

/** Process to identity of all who are not known to be dead, ourselves among them. */
function liveMembers({
  leases,
  shards,
  identity,
  sightings,
  sentMs,
}: ShardFacts): ReadonlyMap<string, string> {
  const live = new Map([[processOf(identity), identity]]);
  for (const { holder, shards: of } of leases.members.values()) {
    const process = processOf(holder);
    const isOther = of === shards && process !== processOf(identity);
    if (isOther && !sightings.isDead(holder, leases, sentMs)) live.set(process, holder);
  }
  return live;
}

/** The process that has each shard, as far as one may have it still. */
function ownersOf(facts: ShardFacts): readonly (string | undefined)[] {
  return Array.from({ length: facts.shards }, (_, shard) => {
    const lease = facts.leases.shards.get(shard);
    // Whoever held it in another layout acts no more since this one is in force.
    if (!lease || lease.shards !== facts.shards) return undefined;
    const { holder } = lease;
    const isEarlierSelf = processOf(holder) === processOf(facts.identity) && holder !== facts.identity;
    if (isEarlierSelf || facts.sightings.isDead(holder, facts.leases, facts.sentMs)) return undefined;
    return processOf(holder);
  });
}

function isHeld({ identity, shards }: ShardFacts, lease: ShardingLease | undefined): lease is ShardingLease {
  return lease !== undefined && lease.holder === identity && lease.shards === shards;
}

interface Case {
  readonly shard: number;
  readonly lease: ShardingLease | undefined;
  /** The identity that should have it. */
  readonly target: string;
}

/** A shard whose Lease names this membership. */
function heldStep(
  facts: ShardFacts,
  { shard, lease: before, target }: Case,
): ShardWrite | 'release' | undefined {
  if (before === undefined || wentBack(facts, before)) return undefined;
  const write = { kind: 'write' as const, shard, before, holder: facts.identity };
  if (before.isPutBack) {
    return hasStood(facts, before) ? { ...write, isPutBack: false } : undefined;
  }
  const goes = target !== facts.identity && isThriving(facts, target);
  if (!facts.leaving.has(shard)) return goes ? 'release' : undefined;
  // Kept after all: written anew, so that a hand-over whose answer was lost cannot be done later.
  return { ...write, holder: goes ? target : facts.identity, isPutBack: false };
}

/** A shard whose Lease names somebody else, nobody, or is not there. */
function freeStep(
  facts: ShardFacts,
  { shard, lease: before, target, isFree }: Case & { readonly isFree: boolean },
): ShardWrite | undefined {
  const { identity } = facts;
  const isOurs = target === identity;
  if (before === undefined) {
    const founds = facts.founds(shard);
    if (!(founds || facts.isFounded)) return undefined;
    return { kind: 'write', shard, before, holder: isOurs ? identity : '', isPutBack: !founds };
  }
  if (!(isFree && isOurs)) return undefined;
  const isWaiting = before.isPutBack && before.shards === facts.shards && !hasStood(facts, before);
  return { kind: 'write', shard, before, holder: identity, isPutBack: isWaiting || wentBack(facts, before) };
}

/** It was put back so long ago that all have lapsed who did not know. */
function hasStood({ sightings, sentMs, leaseMs }: ShardFacts, lease: ShardingLease): boolean {
  return sightings.thereMs(lease, sentMs) >= leaseMs;
}

/** It names who had it when a backup was made: whoever has it since may act until its own next look. */
function wentBack({ sightings, sentMs }: ShardFacts, lease: ShardingLease): boolean {
  return sightings.wentBack(lease, sentMs);
}

function isThriving({ base, leases, sightings, sentMs }: ShardFacts, identity: string): boolean {
  const lease = leases.members.get(memberLeaseName(base, processOf(identity)));
  return lease !== undefined && sightings.isThriving(lease, sentMs);
}

function burials({ leases, identity, sightings, sentMs }: ShardFacts): readonly ShardStep[] {
  return [...leases.members.values()]
    .filter(({ holder }) => holder !== '' && holder !== identity)
    .filter((lease) => sightings.runsOutInMs(lease, sentMs) === 0)
    .map((lease) => ({ kind: 'bury', lease }));
}

/** One of them tidies up: the owner of the first shard. */
function deletions(facts: ShardFacts): readonly ShardStep[] {
  const { leases, shards, sightings, sentMs } = facts;
  const first = leases.shards.get(0);
  if (!isHeld(facts, first) || first.isPutBack || facts.leaving.has(0)) return [];
  const beyond = [...leases.shards].filter(([shard]) => shard >= shards).map(([, lease]) => lease);
  const gone = [...leases.members.values()].filter(
    (member) => member.holder !== facts.identity && sightings.unchangedMs(member, sentMs) >= KEEP_MS,
  );
  return [...beyond, ...gone].slice(0, DELETES).map((lease) => ({ kind: 'delete', lease }));
}
