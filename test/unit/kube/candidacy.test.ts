import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Candidacy, type Instant, type LeaseTiming } from '../../../src/kube/candidacy.ts';
import { type LeaseRecord, leaseObject, parseLease } from '../../../src/kube/lease.ts';

const TIMING: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };

const record = (holder: string, resourceVersion: string, durationMs = TIMING.leaseMs): LeaseRecord =>
  parseLease({
    metadata: { name: 'ace-operator', namespace: 'ace-operator', resourceVersion },
    spec: { holderIdentity: holder, leaseDurationSeconds: durationMs / 1000 },
  });
const at = (monotonicMs: number, wallMs = monotonicMs): Instant => ({ monotonicMs, wallMs });

describe('Candidacy', () => {
  it('may take a Lease at once that was never seen, is vacant, or is its own', () => {
    const candidacy = new Candidacy('a', TIMING);
    expect(candidacy.takeableInMs(at(0))).toBe(0);
    candidacy.observe(record('', '1'), at(0));
    expect(candidacy.takeableInMs(at(0))).toBe(0);
    candidacy.confirm(record('a', '2'), at(0), at(0));
    candidacy.observe(record('a', '3'), at(1));
    expect(candidacy.takeableInMs(at(1))).toBe(0);
  });

  it('takes a Lease back at once that it lost while its writes had no answer: one of them may have come through', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.confirm(record('a', '1'), at(0), at(0));
    candidacy.attempt();
    candidacy.lose();
    expect(candidacy.takeableInMs(at(10_000))).toBe(0);
    candidacy.observe(record('a', '2'), at(11_000));
    expect(candidacy.takeableInMs(at(11_000))).toBe(0);
  });

  it('waits for a Lease that names it and is not its own, as one from a backup of when it led: another may write still', () => {
    const candidacy = new Candidacy('b', TIMING);
    candidacy.confirm(record('b', '900'), at(0), at(0));
    candidacy.attempt();
    candidacy.lose();
    candidacy.observe(record('a', '1000'), at(22_000));
    candidacy.observe(record('b', '900'), at(23_000));
    expect(candidacy.takeableInMs(at(23_000))).toBe(15_000);
  });

  it('waits for a vacant Lease from a backup: who had it before that was put back may write still', () => {
    const candidacy = new Candidacy('b', TIMING);
    candidacy.observe(record('a', '1000'), at(22_000));
    candidacy.observe(record('', '900'), at(23_000));
    expect(candidacy.takeableInMs(at(23_000))).toBe(15_000);
    candidacy.observe(record('', '1001'), at(24_000));
    expect(candidacy.takeableInMs(at(24_000))).toBe(0);
  });

  it("waits for another's Lease to stand unchanged for its whole duration, counted from when it saw the change", () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.observe(record('b', '1'), at(1_000));
    expect(candidacy.takeableInMs(at(1_000))).toBe(15_000);
    candidacy.observe(record('b', '1'), at(9_000));
    expect(candidacy.takeableInMs(at(10_000))).toBe(6_000);
    candidacy.observe(record('b', '2'), at(15_999));
    expect(candidacy.takeableInMs(at(16_000))).toBe(14_999);
    expect(candidacy.takeableInMs(at(30_999))).toBe(0);
  });

  it('waits for the longer of its own duration and the one that stands in the Lease', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.observe(record('b', '1', 60_000), at(0));
    expect(candidacy.takeableInMs(at(0))).toBe(60_000);
    candidacy.observe(record('b', '2', 1_000), at(0));
    expect(candidacy.takeableInMs(at(0))).toBe(15_000);
  });

  it('puts a deleted Lease back at once, and writes only when whoever held it last cannot any more', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.observe(record('b', '1'), at(0));
    candidacy.observeMissing(at(1_000));
    expect(candidacy.takeableInMs(at(1_000))).toBe(0);
    candidacy.confirm(record('a', '2'), at(1_000), at(1_500));
    candidacy.confirm(record('a', '3'), at(14_000), at(14_000));
    expect([candidacy.holds, candidacy.mayWrite(at(16_499))]).toEqual([true, false]);
    expect(candidacy.mayWrite(at(16_500))).toBe(true);
  });

  it('takes no deleted Lease for its own that it held once: another may have held it since', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.confirm(record('a', '1'), at(0), at(0));
    candidacy.lose();
    candidacy.observeMissing(at(20_000));
    candidacy.confirm(record('a', '2'), at(20_000), at(20_000));
    expect(candidacy.mayWrite(at(20_001))).toBe(false);
  });

  it('puts its own Lease back at once when it is deleted while it may write', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.confirm(record('a', '1'), at(0), at(0));
    candidacy.observeMissing(at(2_000));
    candidacy.confirm(record('a', '2'), at(2_000), at(2_000));
    expect(candidacy.mayWrite(at(2_001))).toBe(true);
  });

  it('may write from its first confirmed write on, for the renew deadline, counted from before the request', () => {
    const candidacy = new Candidacy('a', TIMING);
    expect(candidacy.mayWrite(at(0))).toBe(false);
    candidacy.confirm(record('a', '1'), at(1_000), at(3_000));
    expect(candidacy.mayWrite(at(10_999))).toBe(true);
    expect(candidacy.mayWrite(at(11_000))).toBe(false);
    expect(candidacy.holds).toBe(true);
    candidacy.lose();
    expect([candidacy.holds, candidacy.mayWrite(at(2_000))]).toEqual([false, false]);
  });

  it('may not write when the wall clock went on while the monotonic one stood still, as in a sleep', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.confirm(record('a', '1'), at(1_000, 50_000), at(1_000, 50_000));
    expect(candidacy.mayWrite(at(1_001, 60_000))).toBe(false);
  });

  it('is not made a leader, nor kept one, by a wall clock that is set back', () => {
    const candidacy = new Candidacy('a', TIMING);
    candidacy.confirm(record('a', '1'), at(1_000, 50_000), at(1_000, 50_000));
    expect(candidacy.mayWrite(at(2_000, 10_000))).toBe(true);
    expect(candidacy.mayWrite(at(11_000, 10_000))).toBe(false);
  });

  it('never has two that may write, whatever becomes of processes, clocks, requests and answers', () => {
    let terms = 0;
    fc.assert(
      fc.property(
        fc.array(aMishap, { maxLength: 60 }),
        fc.integer({ min: 1, max: 2_000_000_000 }),
        (mishaps, seed) => {
          const world = new Simulation(seed);
          for (const mishap of mishaps) world.apply(mishap);
          world.run(60_000);
          terms += world.terms;
          expect(world.meetings).toEqual([]);
          // With everything healed, somebody leads again: a fence that never opens would be safe, too.
          world.heal();
          world.run(60_000);
          expect(world.leaders()).toHaveLength(1);
        },
      ),
      { numRuns: 300 },
    );
    expect(terms).toBeGreaterThan(300);
  });

  it('never has two that may write after a plane was put back from a backup that all see, whoever led when it was made', () => {
    let changes = 0;
    fc.assert(
      fc.property(
        fc.array(fc.record({ who, ms: fc.integer({ min: 5_000, max: 30_000 }) }), { maxLength: 6 }),
        fc.nat(100),
        fc.integer({ min: 1, max: 2_000_000_000 }),
        (pauses, back, seed) => {
          const world = new Simulation(seed);
          for (const { who, ms } of pauses) {
            world.apply({ kind: 'pause', who, ms });
            world.run(ms + 5_000);
          }
          world.heal();
          world.run(20_000);
          const before = world.leaders();
          world.putBack(back);
          world.run(60_000);
          expect(world.meetings).toEqual([]);
          expect(world.leaders()).toHaveLength(1);
          if (before[0] !== world.leaders()[0]) changes += 1;
        },
      ),
      { numRuns: 300 },
    );
    expect(changes).toBeGreaterThan(30);
  });
});

type Mishap =
  | { readonly kind: 'run'; readonly ms: number }
  | { readonly kind: 'pause' | 'sleep' | 'partition'; readonly who: number; readonly ms: number }
  | { readonly kind: 'clock'; readonly who: number; readonly ms: number }
  | { readonly kind: 'delete' };

const who = fc.nat(2);
const aMishap: fc.Arbitrary<Mishap> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('run' as const), ms: fc.integer({ min: 100, max: 20_000 }) }),
  },
  fc.record({
    kind: fc.constantFrom('pause' as const, 'sleep' as const, 'partition' as const),
    who,
    ms: fc.integer({ min: 100, max: 60_000 }),
  }),
  // Forward only: a clock that is set back during a sleep leaves no trace of the sleep to anyone.
  fc.record({ kind: fc.constant('clock' as const), who, ms: fc.integer({ min: 0, max: 3_600_000 }) }),
  fc.record({ kind: fc.constant('delete' as const) }),
);

interface Machine {
  readonly name: string;
  readonly candidacy: Candidacy;
  /** How fast its monotonic clock goes. */
  readonly rate: number;
  monotonicMs: number;
  wallOffsetMs: number;
  pausedUntilMs: number;
  asleepUntilMs: number;
  cutOffUntilMs: number;
}

interface Happening {
  readonly atMs: number;
  readonly machine: Machine;
  readonly run: () => void;
}

/** Three candidates and one API server in simulated time, in steps of ten milliseconds. */
class Simulation {
  readonly meetings: string[] = [];
  terms = 0;
  #random: number;
  #isLossy = true;
  readonly #machines: readonly Machine[];
  #nowMs = 0;
  #version = 0;
  #lease: { raw: unknown; version: number } | undefined;
  /** All that the Lease ever was. */
  readonly #history: { raw: unknown; version: number }[] = [];
  #happenings: Happening[] = [];

  constructor(seed: number) {
    this.#random = seed;
    this.#machines = [0.99, 1, 1.01].map((rate, index) => ({
      name: `replica-${index}`,
      candidacy: new Candidacy(`replica-${index}`, TIMING),
      rate,
      monotonicMs: 1_000 * index,
      wallOffsetMs: 100_000 * index,
      pausedUntilMs: 0,
      asleepUntilMs: 0,
      cutOffUntilMs: 0,
    }));
    for (const machine of this.#machines) this.#later(machine, this.#upTo(1_000), () => this.#step(machine));
    this.run(30_000);
  }

  apply(mishap: Mishap): void {
    if (mishap.kind === 'run') this.run(mishap.ms);
    if (mishap.kind === 'delete') this.#lease = undefined;
    if (!('who' in mishap)) return;
    const machine = this.#machines[mishap.who] as Machine;
    const untilMs = this.#nowMs + mishap.ms;
    if (mishap.kind === 'clock') machine.wallOffsetMs += mishap.ms;
    if (mishap.kind === 'pause') machine.pausedUntilMs = untilMs;
    if (mishap.kind === 'partition') machine.cutOffUntilMs = untilMs;
    if (mishap.kind === 'sleep') machine.asleepUntilMs = machine.pausedUntilMs = untilMs;
  }

  /** The Lease is again what it was that many writes ago. Versions go on: others write, too. */
  putBack(writes: number): void {
    this.#lease = this.#history.at(-1 - writes) ?? this.#history[0];
  }

  heal(): void {
    this.#isLossy = false;
    for (const machine of this.#machines) {
      machine.pausedUntilMs = machine.asleepUntilMs = machine.cutOffUntilMs = 0;
    }
  }

  leaders(): readonly string[] {
    return this.#machines
      .filter((machine) => machine.candidacy.mayWrite(this.#instant(machine)))
      .map(({ name }) => name);
  }

  run(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#nowMs < endMs) {
      this.#nowMs += 10;
      for (const machine of this.#machines) {
        if (machine.asleepUntilMs <= this.#nowMs) machine.monotonicMs += 10 * machine.rate;
      }
      const due = this.#happenings.filter(
        ({ atMs, machine }) => atMs <= this.#nowMs && machine.pausedUntilMs <= this.#nowMs,
      );
      this.#happenings = this.#happenings.filter((happening) => !due.includes(happening));
      for (const { run } of due) run();
      const leaders = this.leaders();
      if (leaders.length > 1) this.meetings.push(`${this.#nowMs}: ${leaders.join(' and ')}`);
    }
  }

  #instant({ monotonicMs, wallOffsetMs }: Machine): Instant {
    return { monotonicMs, wallMs: this.#nowMs + wallOffsetMs };
  }

  #upTo(ms: number): number {
    // Park and Miller's generator: repeatable, and spread evenly, which the values of a property are not.
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return (this.#random / 2_147_483_647) * ms;
  }

  #later(machine: Machine, ms: number, run: () => void): void {
    this.#happenings.push({ atMs: this.#nowMs + ms, machine, run });
  }

  /** One turn of kube/elector.ts. */
  #step(machine: Machine): void {
    const { candidacy } = machine;
    if (candidacy.holds && !candidacy.mayWrite(this.#instant(machine))) candidacy.lose();
    const next = (): void => this.#later(machine, this.#upTo(2_000), () => this.#step(machine));
    if (candidacy.holds) this.#write(machine, next);
    else this.#look(machine, next);
  }

  #look(machine: Machine, next: () => void): void {
    const { candidacy } = machine;
    this.#ask(
      machine,
      () => this.#lease,
      (lease) => {
        if (lease) candidacy.observe(this.#read(lease), this.#instant(machine));
        else candidacy.observeMissing(this.#instant(machine));
        if (candidacy.takeableInMs(this.#instant(machine)) === 0) this.#write(machine, next);
        else next();
      },
      next,
    );
  }

  #write(machine: Machine, next: () => void): void {
    const { candidacy, name } = machine;
    const askedAt = this.#instant(machine);
    const before = candidacy.record;
    const wanted = before?.resourceVersion ?? '';
    candidacy.attempt();
    this.#ask(
      machine,
      () => {
        if (String(this.#lease?.version ?? '') !== wanted) return undefined;
        const claim = {
          namespace: 'ace',
          name: 'ace',
          holder: name,
          durationMs: TIMING.leaseMs,
          wallMs: 0,
          version: '',
        };
        this.#version += 1;
        this.#lease = { raw: leaseObject(claim, wanted === '' ? undefined : before), version: this.#version };
        this.#history.push(this.#lease);
        return this.#lease;
      },
      (lease) => {
        if (lease) {
          if (!candidacy.holds) this.terms += 1;
          candidacy.confirm(this.#read(lease), askedAt, this.#instant(machine));
        } else candidacy.lose();
        next();
      },
      next,
    );
  }

  /** A request and its answer, each on its way for a while; either may be lost, and a lost answer is given up after 5 s. */
  #ask<T>(machine: Machine, serve: () => T, answered: (answer: T) => void, failed: () => void): void {
    if (machine.cutOffUntilMs > this.#nowMs) {
      this.#later(machine, 5_000, failed);
      return;
    }
    const server = { ...machine, pausedUntilMs: 0 };
    this.#later(server, this.#upTo(3_000), () => {
      const answer = serve();
      const isLost = machine.cutOffUntilMs > this.#nowMs || (this.#isLossy && this.#upTo(100) > 95);
      this.#later(machine, isLost ? 5_000 : this.#upTo(1_000), isLost ? failed : () => answered(answer));
    });
  }

  #read({ raw, version }: { raw: unknown; version: number }): LeaseRecord {
    const object = raw as { metadata: object };
    return parseLease({
      ...object,
      metadata: { ...object.metadata, resourceVersion: String(version) },
    });
  }
}
