import { Candidacy, type Instant, type LeaseTiming } from '../../../../src/kube/candidacy.ts';
import { leaseObject, parseLease } from '../../../../src/kube/lease.ts';
import { shardOf } from '../../../../src/kube/sharding/layout.ts';
import type { RenewalWrite } from '../../../../src/kube/sharding/membership.ts';
import {
  leasesOf,
  memberLeaseName,
  parseShardingLease,
  type ShardingLease,
  shardingObject,
  shardLeaseName,
} from '../../../../src/kube/sharding/records.ts';
import { ShardCandidacy } from '../../../../src/kube/sharding/shard-candidacy.ts';

export const TIMING: LeaseTiming = { leaseMs: 15_000, renewMs: 10_000, retryMs: 2_000 };
const BASE = 'ace';
const STEP_MS = 10;
const TIMEOUT_MS = TIMING.renewMs / 3;

/** One for each shard of eight, and so two for each of four. */
const CLUSTERS = Array.from({ length: 8 }, (_, shard) => {
  let id = 0;
  while (shardOf(`c-${id}`, 8) !== shard) id += 1;
  return { name: `c-${id}`, shards: new Map([4, 8, 64].map((of) => [of, shardOf(`c-${id}`, of)])) };
});
type Cluster = (typeof CLUSTERS)[number];

/** Number of shards of a replica; 0: it is a single leader. */
export type Layout = number;

interface Machine {
  readonly name: string;
  readonly layout: Layout;
  readonly single: Candidacy | undefined;
  readonly sharded: ShardCandidacy | undefined;
  /** How fast its monotonic clock goes. */
  readonly rate: number;
  monotonicMs: number;
  wallOffsetMs: number;
  pausedUntilMs: number;
  asleepUntilMs: number;
  cutOffUntilMs: number;
  isStopping: boolean;
  /** It has read the Leases once. */
  hasLooked: boolean;
  /** When each of its loops turns next; in the middle of a turn: never. */
  renewAtMs: number;
  workAtMs: number;
  /** It was woken in the middle of a turn. */
  isWoken: boolean;
}

interface Stored {
  readonly object: object;
  readonly version: number;
  readonly uid: number;
}

interface Happening {
  readonly atMs: number;
  /** undefined: it happens at the server, whatever becomes of machines. */
  readonly machine: Machine | undefined;
  readonly run: () => void;
}

/** Replicas of several layouts, single leaders, and one API server, in simulated time. */
export class Simulation {
  readonly meetings: string[] = [];
  /** Times that a machine came to own a cluster. */
  terms = 0;
  isHealthy = false;
  readonly machines: Machine[] = [];
  #names = 0;
  #random: number;
  #nowMs = 0;
  #mayStartAtMs = 0;
  #version = 0;
  #happenings: Happening[] = [];
  readonly #leases = new Map<string, Stored>();
  #ownersBefore: readonly string[] = [];

  constructor(seed: number) {
    this.#random = seed;
  }

  get leaseNames(): readonly string[] {
    return [...this.#leases.keys()].sort();
  }

  join(layout: Layout): void {
    const name = `replica-${this.#names}`;
    this.#names += 1;
    const options = { base: BASE, process: name, shards: layout, timing: TIMING };
    this.machines.push({
      ...{ name, layout, rate: [0.99, 1, 1.01][this.#names % 3] ?? 1 },
      single: layout === 0 ? new Candidacy(name, TIMING) : undefined,
      sharded: layout === 0 ? undefined : new ShardCandidacy(options),
      ...{ monotonicMs: 1_000 * this.#names, wallOffsetMs: 100_000 * this.#names },
      ...{ pausedUntilMs: 0, asleepUntilMs: 0, cutOffUntilMs: 0 },
      ...{ isStopping: false, hasLooked: false, isWoken: false },
      // See `delete`.
      ...{ renewAtMs: this.#mayStartAtMs, workAtMs: this.#mayStartAtMs },
    });
  }

  /** As by SIGKILL: what it has sent is on its way. */
  crash(machine: Machine): void {
    this.machines.splice(this.machines.indexOf(machine), 1);
    this.#happenings = this.#happenings.filter((happening) => happening.machine !== machine);
  }

  /** As by SIGTERM: the fence closes, work ends, and then its Leases are given back. */
  end(machine: Machine): void {
    if (machine.isStopping) return;
    machine.isStopping = true;
    this.#later(machine, this.#upTo(500), () => this.#leave(machine));
  }

  delete(name: string): void {
    if (name === BASE && !this.#mayBeVacant()) return;
    this.#leases.delete(name);
    this.#tell(name, undefined);
  }

  /** The Leases of now, to be put back later, as etcd from a backup. Versions go on: others write, too. */
  backUp(): () => void {
    const backup = new Map(this.#leases);
    return () => {
      if (!this.#mayBeVacant()) return;
      this.#leases.clear();
      for (const [name, stored] of backup) this.#leases.set(name, stored);
    };
  }

  /** Whoever never saw the first of all Leases takes it at once where there is none, as at every first installation. */
  #mayBeVacant(): boolean {
    if (this.machines.some(({ hasLooked }) => !hasLooked)) return false;
    this.#mayStartAtMs = this.#nowMs + TIMING.leaseMs;
    return true;
  }

  disturb(kind: 'pause' | 'sleep' | 'partition' | 'clock', machine: Machine, ms: number): void {
    const untilMs = this.#nowMs + ms;
    if (kind === 'clock') machine.wallOffsetMs += ms;
    if (kind === 'pause') machine.pausedUntilMs = untilMs;
    if (kind === 'partition') machine.cutOffUntilMs = untilMs;
    if (kind === 'sleep') machine.asleepUntilMs = machine.pausedUntilMs = untilMs;
  }

  heal(): void {
    this.isHealthy = true;
    for (const machine of this.machines) {
      machine.pausedUntilMs = machine.asleepUntilMs = machine.cutOffUntilMs = 0;
    }
  }

  run(ms: number): void {
    const endMs = this.#nowMs + ms;
    while (this.#nowMs < endMs) {
      this.#nowMs += STEP_MS;
      for (const machine of this.machines) this.#turn(machine);
      this.#happen();
      this.#check();
    }
  }

  /** Runs until every cluster has somebody who may write. @returns milliseconds; undefined: not within `maxMs` */
  runUntilOwned(maxMs: number): number | undefined {
    for (let ms = 0; ms <= maxMs; ms += STEP_MS) {
      if (this.#ownersBefore.every((owner) => owner !== '')) return ms;
      this.run(STEP_MS);
    }
    return undefined;
  }

  /** Of each cluster: all who may write for it. */
  owners(): readonly string[] {
    return CLUSTERS.map((cluster) =>
      this.machines
        .filter((machine) => this.#mayWriteFor(machine, cluster))
        .map(({ name }) => name)
        .join(' and '),
    );
  }

  /** Of each shard of a layout: who owns it. */
  shardOwners(layout: Layout): readonly (string | undefined)[] {
    return Array.from(
      { length: layout },
      (_, shard) =>
        this.machines.find((machine) => machine.sharded?.owns(shard, this.#instant(machine)))?.name,
    );
  }

  #mayWriteFor(machine: Machine, { shards }: Cluster): boolean {
    if (machine.isStopping) return false;
    const now = this.#instant(machine);
    if (machine.single) return machine.single.mayWrite(now);
    return machine.sharded?.owns(shards.get(machine.layout) ?? -1, now) ?? false;
  }

  #check(): void {
    const owners = this.owners();
    for (const [index, owner] of owners.entries()) {
      if (owner.includes(' and ')) this.meetings.push(`${this.#nowMs}: ${CLUSTERS[index]?.name} of ${owner}`);
      if (owner !== '' && owner !== this.#ownersBefore[index]) this.terms += 1;
    }
    this.#ownersBefore = owners;
  }

  #turn(machine: Machine): void {
    if (machine.asleepUntilMs <= this.#nowMs) machine.monotonicMs += STEP_MS * machine.rate;
    if (machine.pausedUntilMs > this.#nowMs || machine.isStopping) return;
    if (machine.sharded) {
      machine.sharded.membership.lapseIfDue(this.#instant(machine));
      machine.sharded.settle();
    }
    if (machine.renewAtMs <= this.#nowMs) {
      machine.renewAtMs = Number.POSITIVE_INFINITY;
      if (machine.single) this.#stepSingle(machine, machine.single);
      else if (machine.sharded) this.#renew(machine, machine.sharded);
    }
    if (machine.sharded && machine.workAtMs <= this.#nowMs) {
      machine.workAtMs = Number.POSITIVE_INFINITY;
      this.#work(machine, machine.sharded);
    }
  }

  #happen(): void {
    const due: Happening[] = [];
    const rest: Happening[] = [];
    for (const happening of this.#happenings) {
      const isDue = happening.atMs <= this.#nowMs && (happening.machine?.pausedUntilMs ?? 0) <= this.#nowMs;
      (isDue ? due : rest).push(happening);
    }
    this.#happenings = rest;
    for (const { run } of due) run();
  }

  #instant({ monotonicMs, wallOffsetMs }: Machine): Instant {
    return { monotonicMs, wallMs: this.#nowMs + wallOffsetMs };
  }

  #upTo(ms: number): number {
    // Park and Miller's generator: repeatable, and spread evenly, which the values of a property are not.
    this.#random = (this.#random * 48_271) % 2_147_483_647;
    return (this.#random / 2_147_483_647) * ms;
  }

  #later(machine: Machine | undefined, ms: number, run: () => void): void {
    this.#happenings.push({ atMs: this.#nowMs + ms, machine, run });
  }

  // The loops of kube/sharding/shard-elector.ts.

  #renew(machine: Machine, sharded: ShardCandidacy): void {
    const { membership } = sharded;
    const next = (): void => {
      machine.renewAtMs = this.#nowMs + TIMING.retryMs * (0.9 + this.#upTo(0.2));
    };
    const name = memberLeaseName(BASE, machine.name);
    const writeLayout = (): void => {
      const layout = membership.nextLayout(this.#instant(machine));
      if (!layout) {
        next();
        return;
      }
      this.#writeRenewal(machine, BASE, layout, {
        done: next,
        failed: next,
        refused: () => {
          this.#wake(machine);
          next();
        },
      });
    };
    const member = membership.nextMember(this.#instant(machine));
    if (!member) {
      next();
      return;
    }
    this.#writeRenewal(machine, name, member, {
      done: writeLayout,
      failed: next,
      refused: () =>
        this.#ask(
          machine,
          () => this.#read(name),
          (lease) => {
            membership.readMember(lease);
            const again = membership.nextMember(this.#instant(machine));
            if (!again) {
              next();
              return;
            }
            this.#writeRenewal(machine, name, again, { done: writeLayout, failed: next, refused: next });
          },
          next,
        ),
    });
  }

  #writeRenewal(
    machine: Machine,
    name: string,
    write: RenewalWrite,
    then: { done: () => void; refused: () => void; failed: () => void },
  ): void {
    const askedAt = this.#instant(machine);
    this.#ask(
      machine,
      () => this.#store(machine, name, write),
      (lease) => {
        if (!lease) {
          then.refused();
          return;
        }
        machine.sharded?.membership.confirm(write, lease, askedAt, this.#instant(machine));
        machine.sharded?.settle();
        this.#wake(machine);
        then.done();
      },
      then.failed,
    );
  }

  #work(machine: Machine, sharded: ShardCandidacy): void {
    const next = (ms: number): void => {
      machine.workAtMs = this.#nowMs + (machine.isWoken ? 20 : ms);
      machine.isWoken = false;
    };
    const sentAt = this.#instant(machine);
    this.#ask(
      machine,
      () => [...this.#leases.keys()].flatMap((name) => this.#read(name) ?? []),
      (list) => {
        machine.hasLooked = true;
        const answeredAt = this.#instant(machine);
        const { dropped } = sharded.see({ leases: leasesOf(BASE, list), sentAt, answeredAt });
        this.#release(machine, sharded, dropped);
        if (!sharded.mayWrite(answeredAt) && machine.renewAtMs < Number.POSITIVE_INFINITY) {
          machine.renewAtMs = this.#nowMs;
        }
        let open = 1;
        const done = (): void => {
          open -= 1;
          if (open === 0) next(sharded.lookAgainInMs(this.#instant(machine)));
        };
        for (const step of sharded.plan(answeredAt)) {
          if (step.kind === 'release') this.#release(machine, sharded, step.shards);
          if (step.kind === 'delete') this.#ask(machine, () => this.#remove(step.lease), noop, noop);
          if (step.kind === 'bury') {
            const burial = { holder: '', isPutBack: false, before: step.lease };
            this.#ask(machine, () => this.#store(machine, step.lease.name, burial), noop, noop);
          }
          if (step.kind !== 'write') continue;
          open += 1;
          machine.isWoken = true;
          const name = shardLeaseName(BASE, step.shard);
          sharded.attempt(step);
          this.#ask(
            machine,
            () => this.#store(machine, name, step),
            (lease) => {
              if (lease) sharded.confirm(step, lease, this.#instant(machine));
              done();
            },
            done,
          );
        }
        done();
      },
      () => next(200),
    );
  }

  #release(machine: Machine, sharded: ShardCandidacy, shards: readonly number[]): void {
    const { identity } = sharded.membership;
    if (shards.length === 0) return;
    this.#later(machine, this.#upTo(300), () => {
      sharded.released(shards, identity);
      this.#wake(machine);
    });
  }

  #wake(machine: Machine): void {
    if (machine.workAtMs === Number.POSITIVE_INFINITY) machine.isWoken = true;
    else machine.workAtMs = Math.min(machine.workAtMs, this.#nowMs + 20);
  }

  #leave(machine: Machine): void {
    const { single, sharded } = machine;
    const gone = (): void => this.crash(machine);
    if (single) {
      const { record } = single;
      if (!single.holds || record?.holder !== single.identity) {
        gone();
        return;
      }
      const before = this.#leases.get(BASE);
      this.#ask(
        machine,
        () => String(before?.version) === record.resourceVersion && this.#storeSingle(single, ''),
        gone,
        gone,
      );
      return;
    }
    const identity = sharded?.membership.identity;
    const resignation = sharded?.membership.resignation();
    if (!sharded || identity === undefined || !resignation) {
      gone();
      return;
    }
    const look = (): void => {
      const sentAt = this.#instant(machine);
      this.#ask(
        machine,
        () => [...this.#leases.keys()].flatMap((name) => this.#read(name) ?? []),
        (list) => {
          const leases = leasesOf(BASE, list);
          const vacation = sharded.vacation({ leases, sentAt, answeredAt: this.#instant(machine) }, identity);
          if (!vacation) {
            gone();
            return;
          }
          this.#ask(machine, () => this.#store(machine, BASE, vacation), gone, gone);
        },
        gone,
      );
    };
    const name = memberLeaseName(BASE, machine.name);
    this.#writeRenewal(machine, name, resignation, { done: look, refused: gone, failed: gone });
  }

  /** One turn of kube/elector.ts. */
  #stepSingle(machine: Machine, candidacy: Candidacy): void {
    if (candidacy.holds && !candidacy.mayWrite(this.#instant(machine))) candidacy.lose();
    const next = (): void => {
      machine.renewAtMs = this.#nowMs + this.#upTo(candidacy.holds ? TIMING.retryMs : TIMING.retryMs / 2);
    };
    const write = (): void => {
      const askedAt = this.#instant(machine);
      const version = candidacy.record?.resourceVersion ?? '';
      candidacy.attempt();
      this.#ask(
        machine,
        () => {
          if (String(this.#leases.get(BASE)?.version ?? '') !== version) return undefined;
          return this.#storeSingle(candidacy, candidacy.identity);
        },
        (lease) => {
          if (lease) candidacy.confirm(parseLease(lease), askedAt, this.#instant(machine));
          else candidacy.lose();
          next();
        },
        next,
      );
    };
    if (candidacy.holds) {
      write();
      return;
    }
    this.#ask(
      machine,
      () => this.#read(BASE),
      (lease) => {
        const now = this.#instant(machine);
        machine.hasLooked = true;
        if (lease) candidacy.observe(parseLease(lease.object), now);
        else candidacy.observeMissing(now);
        if (candidacy.takeableInMs(now) === 0) write();
        else next();
      },
      next,
    );
  }

  #storeSingle(candidacy: Candidacy, holder: string): object | undefined {
    const claim = {
      namespace: 'ace',
      name: BASE,
      holder,
      durationMs: TIMING.leaseMs,
      wallMs: 0,
      version: '',
    };
    const before = candidacy.record?.resourceVersion === '' ? undefined : candidacy.record;
    return this.#put(BASE, leaseObject(claim, before)).object;
  }

  // The API server.

  #read(name: string): ShardingLease | undefined {
    const stored = this.#leases.get(name);
    return stored && parseShardingLease(stored.object);
  }

  /** Compare-and-swap. @returns undefined when it is refused */
  #store(
    { layout }: Machine,
    name: string,
    write: { holder: string; isPutBack: boolean; before: ShardingLease | undefined },
  ): ShardingLease | undefined {
    const { holder, isPutBack, before } = write;
    if (String(this.#leases.get(name)?.version ?? '') !== (before?.resourceVersion ?? '')) return undefined;
    const claim = { ...{ namespace: 'ace', name, holder, isPutBack }, durationMs: TIMING.leaseMs, wallMs: 0 };
    const of = { version: '', component: 'shard' as const, shards: layout };
    return this.#put(name, shardingObject({ ...claim, ...of }, before));
  }

  #put(name: string, object: { readonly metadata: object }): ShardingLease {
    this.#version += 1;
    const uid = this.#leases.get(name)?.uid ?? this.#version;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version), uid: String(uid) };
    this.#leases.set(name, { object: { ...object, metadata }, version: this.#version, uid });
    const lease = parseShardingLease({ ...object, metadata });
    this.#tell(name, lease);
    return lease;
  }

  #remove({ name, uid }: ShardingLease): void {
    if (String(this.#leases.get(name)?.uid) !== uid) return;
    this.#leases.delete(name);
    this.#tell(name, undefined);
  }

  /** By the watches of all, each in its time, or never. */
  #tell(name: string, lease: ShardingLease | undefined): void {
    for (const machine of this.machines) {
      const { sharded } = machine;
      if (!sharded || machine.cutOffUntilMs > this.#nowMs) continue;
      if (!this.isHealthy && this.#upTo(100) > 90) continue;
      this.#later(machine, this.#upTo(this.isHealthy ? 30 : 3_000), () => {
        if (lease) sharded.glimpse(lease, machine.monotonicMs);
        const isRenewal = lease?.holder !== '' && !name.includes('-shard-');
        if (!isRenewal || lease === undefined) this.#wake(machine);
        else if (lease.holder === sharded.membership.identity) this.#wake(machine);
      });
    }
  }

  /** A request and its answer. Either may be lost or late; who asked gives up in time, but the request may be served still. */
  #ask<T>(machine: Machine, serve: () => T, answered: (answer: T) => void, failed: () => void): void {
    const giveUp = TIMEOUT_MS;
    if (machine.cutOffUntilMs > this.#nowMs) {
      this.#later(machine, giveUp, failed);
      return;
    }
    const isLate = !this.isHealthy && this.#upTo(100) > 95;
    const thereMs = this.#upTo(this.isHealthy ? 30 : isLate ? 9_000 : 1_000);
    const backMs = this.#upTo(this.isHealthy ? 20 : 1_000);
    const isTooLate = thereMs + backMs > giveUp;
    if (isTooLate) this.#later(machine, giveUp, failed);
    this.#later(undefined, thereMs, () => {
      const answer = serve();
      if (isTooLate) return;
      const isLost = machine.cutOffUntilMs > this.#nowMs || (!this.isHealthy && this.#upTo(100) > 95);
      this.#later(machine, isLost ? giveUp - thereMs : backMs, isLost ? failed : () => answered(answer));
    });
  }
}

function noop(): void {}
