import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Layout, Simulation, TIMING } from './simulation.ts';

const BOUND_MS = TIMING.leaseMs + 2_000;
/** So long requests and watches of before may still be on their way. */
const LAST_REQUESTS_MS = 10_000;
const RUNS = Number(process.env['ACE_SHARD_RUNS'] ?? 60);

type Mishap =
  | { readonly kind: 'run'; readonly ms: number }
  | { readonly kind: 'pause' | 'sleep' | 'partition' | 'clock'; readonly who: number; readonly ms: number }
  | { readonly kind: 'crash' | 'end' | 'delete'; readonly who: number }
  | { readonly kind: 'join'; readonly layout: Layout };

const who = fc.nat(63);
const aMishap: fc.Arbitrary<Mishap> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ kind: fc.constant('run' as const), ms: fc.integer({ min: 100, max: 20_000 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constantFrom('pause' as const, 'sleep' as const, 'partition' as const),
      who,
      ms: fc.integer({ min: 100, max: 60_000 }),
    }),
  },
  // Forward only: a clock that is set back during a sleep leaves no trace of the sleep to anyone.
  fc.record({ kind: fc.constant('clock' as const), who, ms: fc.integer({ min: 0, max: 3_600_000 }) }),
  fc.record({ kind: fc.constantFrom('crash' as const, 'end' as const, 'delete' as const), who }),
  {
    weight: 2,
    arbitrary: fc.record({ kind: fc.constant('join' as const), layout: fc.constantFrom(0, 4, 4, 8) }),
  },
);

function happen(world: Simulation, mishap: Mishap): void {
  const machine =
    'who' in mishap ? world.machines[mishap.who % Math.max(1, world.machines.length)] : undefined;
  if (mishap.kind === 'run') world.run(mishap.ms);
  if (mishap.kind === 'join' && world.machines.length < 6) world.join(mishap.layout);
  if (mishap.kind === 'delete') {
    const name = world.leaseNames[mishap.who % Math.max(1, world.leaseNames.length)];
    if (name !== undefined) world.delete(name);
  }
  if (!machine) return;
  if (mishap.kind === 'crash') world.crash(machine);
  if (mishap.kind === 'end') world.end(machine);
  if ('ms' in mishap && mishap.kind !== 'run') world.disturb(mishap.kind, machine, mishap.ms);
}

describe('ShardCandidacy', () => {
  it('never has two that may write for one cluster, whatever becomes of replicas, layouts, clocks, requests and Leases', () => {
    let terms = 0;
    let slowestMs = 0;
    fc.assert(
      fc.property(
        fc.array(aMishap, { maxLength: 40 }),
        fc.integer({ min: 1, max: 2_000_000_000 }),
        fc.constantFrom<Layout>(0, 4, 8),
        (mishaps, seed, layout) => {
          const world = new Simulation(seed);
          for (let count = 0; count < 3; count += 1) world.join(layout);
          world.run(10_000);
          for (const mishap of mishaps) happen(world, mishap);
          // With everything healed, each cluster has somebody again: fences that never open would be safe, too.
          if (world.machines.every(({ isStopping }) => isStopping)) world.join(layout);
          world.heal();
          world.run(LAST_REQUESTS_MS);
          // Who puts back the Lease of a layout has to wait before those of its shards can be put back.
          const isDeleted = mishaps.some(({ kind }) => kind === 'delete');
          const tookMs = world.runUntilOwned(isDeleted ? 2 * BOUND_MS : BOUND_MS);
          expect(tookMs, 'each cluster has an owner in time').toBeDefined();
          slowestMs = Math.max(slowestMs, tookMs ?? 0);
          world.run(60_000);
          expect(world.meetings).toEqual([]);
          expect(world.owners().every((owner) => owner !== '')).toBe(true);
          terms += world.terms;
        },
      ),
      { numRuns: RUNS },
    );
    expect(terms).toBeGreaterThan(8 * RUNS);
    console.info(`${terms} terms, slowest recovery ${slowestMs} ms`);
  }, 240_000);
});

describe('three replicas of 64 shards', () => {
  const settled = (seed: number, layout = 64): Simulation => {
    const world = new Simulation(seed);
    world.isHealthy = true;
    for (let count = 0; count < 3; count += 1) world.join(layout);
    world.run(20_000);
    return world;
  };
  const movedIn = (world: Simulation, before: readonly unknown[]): number => {
    const after = world.shardOwners(64);
    expect(after).not.toContain(undefined);
    return before.filter((owner, shard) => owner !== after[shard]).length;
  };
  const seeds = [1, 22, 333];

  it('move nothing but the shards of one that dies, and no more than 40 %', () => {
    for (const seed of seeds) {
      const world = settled(seed);
      const before = world.shardOwners(64);
      const dead = world.machines[seed % 3] as Simulation['machines'][number];
      world.crash(dead);
      world.run(TIMING.leaseMs + 2_000);
      expect(movedIn(world, before)).toBe(before.filter((owner) => owner === dead.name).length);
      expect(movedIn(world, before)).toBeLessThanOrEqual(0.4 * 64);
    }
  });

  it('move an even part to one that joins, and nothing else', () => {
    for (const seed of seeds) {
      const world = settled(seed);
      const before = world.shardOwners(64);
      world.join(64);
      world.run(20_000);
      expect(movedIn(world, before)).toBe(16);
      expect(world.meetings).toEqual([]);
    }
  });

  it('never act both for a shard that moved since a backup which is put back, and all have an owner soon', () => {
    for (const seed of seeds) {
      const world = settled(seed);
      const putBack = world.backUp();
      world.join(64);
      world.run(20_000);
      putBack();
      world.run(2 * BOUND_MS);
      expect(world.meetings).toEqual([]);
      expect(world.shardOwners(64)).not.toContain(undefined);
      world.run(60_000);
      expect(world.meetings).toEqual([]);
    }
  });

  it('nor whatever else became of replicas since, once all have seen it', () => {
    const anEvent = fc.record({
      kind: fc.constantFrom('join', 'crash', 'end', 'none'),
      who,
      ms: fc.integer({ min: 100, max: 25_000 }),
    });
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 6 }), fc.nat(1_000_000), fc.nat(6), (events, seed, at) => {
        const world = settled(seed + 1, 8);
        let putBack = world.backUp();
        for (const [index, { kind, who: which, ms }] of events.entries()) {
          const machine = world.machines[which % world.machines.length];
          if (kind === 'join' && world.machines.length < 6) world.join(8);
          if (kind === 'crash' && machine && world.machines.length > 1) world.crash(machine);
          if (kind === 'end' && machine && world.machines.length > 1) world.end(machine);
          world.run(ms);
          if (index === at) putBack = world.backUp();
        }
        if (world.machines.every(({ isStopping }) => isStopping)) world.join(8);
        world.run(TIMING.renewMs / 2);
        putBack();
        world.run(2 * BOUND_MS);
        expect(world.shardOwners(8)).not.toContain(undefined);
        world.run(60_000);
        expect(world.meetings).toEqual([]);
      }),
      { numRuns: RUNS },
    );
  }, 240_000);

  it('take the shards of one that ends in order within a second', () => {
    for (const seed of seeds) {
      const world = settled(seed);
      const leaver = world.machines[seed % 3] as Simulation['machines'][number];
      world.end(leaver);
      world.run(1_500);
      expect(world.shardOwners(64)).not.toContain(undefined);
      expect(world.meetings).toEqual([]);
    }
  });
});
