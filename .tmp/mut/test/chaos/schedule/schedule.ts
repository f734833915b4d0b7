import { type Change, Changes } from './changes.ts';
import { type Fault, type FaultKind, oneRound, type Targets } from './faults.ts';
import { between, randomOf } from './random.ts';

/** What happens when, in milliseconds from the beginning. A line of the log that can be replayed. */
export type Entry =
  | { readonly atMs: number; readonly change: Change }
  | { readonly atMs: number; readonly fault: Fault };

export interface Schedule {
  readonly beginning: readonly Change[];
  readonly entries: readonly Entry[];
}

export interface ScheduleOptions {
  readonly seed: number;
  readonly seconds: number;
  readonly changesPerSecond: number;
  readonly targets: Targets;
  readonly kinds: readonly FaultKind[];
  /** From the beginning of a fault to that of the next; several may go on at once. */
  readonly faultEveryMs: readonly [number, number];
}

const TOKENS_AT_FIRST = 120;
const MASS_SHARE = 0.9;
const MANY = 200;
/** Things break for a while, and then nothing does for as long as it may take until all is known everywhere. */
const [BURST_MS, REST_MS] = [50_000, 60_000];
/** Nothing begins to break so shortly before the end. */
const LAST_FAULT_MS = 8_000;

/** Follows from the seed and the options alone. */
export function makeSchedule(options: ScheduleOptions): Schedule {
  const { seed, seconds, changesPerSecond, targets } = options;
  const endMs = seconds * 1_000;
  const changes = new Changes(randomOf(seed), targets.clusters);
  const beginning = changes.beginning(TOKENS_AT_FIRST);
  const faults = faultsOf(options, endMs);
  const entries: Entry[] = [];
  const waiting = [...faults];
  for (let atMs = 0; atMs < endMs; atMs += 1_000 / changesPerSecond) {
    for (let due = waiting[0]; due && due.atMs <= atMs; due = waiting[0]) {
      waiting.shift();
      const { kind } = due.fault;
      if (kind === 'mass deletion')
        for (const change of changes.massDelete(MASS_SHARE, atMs)) entries.push({ atMs, change });
      else if (kind === 'many tokens of one user')
        for (const change of changes.many(MANY, atMs)) entries.push({ atMs, change });
      entries.push(due);
    }
    const change = changes.next(atMs, endMs - 10_000);
    if (change) entries.push({ atMs: Math.round(atMs), change });
  }
  return { beginning, entries };
}

function faultsOf(
  { seed, targets, kinds, faultEveryMs }: ScheduleOptions,
  endMs: number,
): readonly { atMs: number; fault: Fault }[] {
  // Of its own numbers: another rate of changes leaves the faults as they are.
  const random = randomOf(seed ^ 0x5eed);
  const found: { atMs: number; fault: Fault }[] = [];
  let round: Fault[] = [];
  for (let atMs = 3_000; atMs < endMs - LAST_FAULT_MS && kinds.length > 0; ) {
    if (round.length === 0) round = [...oneRound(random, targets, kinds)];
    const fault = round.shift() as Fault;
    found.push({ atMs, fault });
    atMs += between(random, faultEveryMs[0], faultEveryMs[1]);
    if (atMs % (BURST_MS + REST_MS) > BURST_MS) atMs += REST_MS;
  }
  return found;
}
