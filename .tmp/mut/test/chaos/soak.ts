/**
 * Does anything grow? The programs under a steady stream of changes, without faults; memory, open files, sockets, handles and timers of
 * each are read from outside, and how steeply they rise.
 *
 * usage: ACE_SECONDS=3600 node test/chaos/soak.ts
 *
 * The first third is not counted: stores and caches fill. Of the rest the floor is taken, since connections come and go by dozens. Exit code 1 when something rises by more than it may in an hour, or an
 * invariant was broken.
 */
import { appendFileSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './run.ts';
import type { Program } from './scene/programs.ts';
import type { Scene } from './scene/scene.ts';
import { makeSchedule } from './schedule/schedule.ts';

const ROOT = fileURLToPath(new URL('../../.work/soak', import.meta.url));
const CLUSTERS = { 'c-1': 1, 'c-2': 1 };
const SAMPLE_MS = 5_000;
const SEED = 1;
const WINDOWS = 10;

/** What may be added in an hour, by which a leak is told from breathing. */
const MAY_RISE = { memoryMb: 40, files: 10, sockets: 10, resources: 20, timers: 20 } as const;
type Measure = keyof typeof MAY_RISE;

interface Sample extends Record<Measure, number> {
  readonly atMs: number;
}

async function main(): Promise<void> {
  const seconds = Number(process.env['ACE_SECONDS'] || 600);
  const changesPerSecond = Number(process.env['ACE_CHANGES'] || 20);
  const schedule = makeSchedule({
    ...{ seed: SEED, seconds, changesPerSecond, kinds: [], faultEveryMs: [1, 1] },
    targets: { planes: [], links: [], authenticators: [], pairs: [], clusters: Object.keys(CLUSTERS) },
  });
  const samples = new Map<string, Sample[]>();
  const { verdict, dir } = await run({
    ...{ seed: SEED, root: ROOT, clusters: CLUSTERS, schedule, silenceMs: 1_000 },
    beside: (scene) => sampleAll(scene, samples),
    say: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
  });
  for (const [name, all] of samples)
    appendFileSync(
      join(dir, 'samples.jsonl'),
      all.map((one) => `${JSON.stringify({ name, ...one })}\n`).join(''),
    );
  const steep = [...samples].flatMap(([name, all]) => report(name, all));
  for (const line of steep) console.log(`RISES ${line}`);
  for (const { invariant, object, what } of verdict.violations)
    console.log(`${invariant} ${object}: ${what}`);
  process.exit(steep.length === 0 && verdict.violations.length === 0 ? 0 : 1);
}

function sampleAll(scene: Scene, samples: Map<string, Sample[]>): () => void {
  const programs = [...scene.operators, ...scene.authenticators.values()];
  const timer = setInterval(() => {
    for (const program of programs)
      void sample(program)
        .then((one) => samples.set(program.name, [...(samples.get(program.name) ?? []), one]))
        // A moment in which it does not answer is one sample less.
        .catch(() => undefined);
  }, SAMPLE_MS);
  return () => clearInterval(timer);
}

async function sample(program: Program): Promise<Sample> {
  const { pid } = program;
  const [, kb = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  return {
    atMs: Date.now(),
    memoryMb: Number(kb) / 1_024,
    files: links.length,
    sockets: links.filter((link) => link.startsWith('socket:')).length,
    resources: await program.metric('nodejs_active_resources_total'),
    timers: await program.metric('nodejs_active_resources{type="Timeout"}'),
  };
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return ''; // it was closed in between
  }
}

/** Prints one line for each measure. @returns those that rise too steeply */
function report(name: string, all: readonly Sample[]): readonly string[] {
  const counted = all.slice(Math.floor(all.length / 3));
  const measures = Object.keys(MAY_RISE) as Measure[];
  return measures.flatMap((measure) => {
    const values = counted.map((one) => one[measure]);
    const perHour = slopePerHour(floorOf(counted, measure), measure);
    const line = `${name} ${measure}: ${round(Math.min(...values))} to ${round(Math.max(...values))}, ${round(perHour)} an hour`;
    console.log(line);
    // What one sample of a short run is off by is not to count as a rise.
    const grown = (perHour * spanMs(counted)) / 3_600_000;
    return perHour > MAY_RISE[measure] && grown > MAY_RISE[measure] / 2 ? [line] : [];
  });
}

const spanMs = (all: readonly Sample[]): number => (all.at(-1)?.atMs ?? 0) - (all[0]?.atMs ?? 0);
const round = (value: number): number => Math.round(value * 10) / 10;

/** What breathes goes back to its floor, what leaks raises it: the least of each of some windows, one after the other. */
function floorOf(all: readonly Sample[], measure: Measure): readonly Sample[] {
  const size = Math.max(1, Math.ceil(all.length / WINDOWS));
  const windows = Array.from({ length: Math.ceil(all.length / size) }, (_, index) =>
    all.slice(index * size, (index + 1) * size),
  );
  return windows.map((some) => some.reduce((least, one) => (one[measure] < least[measure] ? one : least)));
}

/** Least squares. */
function slopePerHour(all: readonly Sample[], measure: Measure): number {
  const meanMs = all.reduce((sum, { atMs }) => sum + atMs, 0) / all.length;
  const mean = all.reduce((sum, one) => sum + one[measure], 0) / all.length;
  const [up, down] = all.reduce(
    ([above, below], one) => [
      above + (one.atMs - meanMs) * (one[measure] - mean),
      below + (one.atMs - meanMs) ** 2,
    ],
    [0, 0],
  );
  return down === 0 ? 0 : (up / down) * 3_600_000;
}

await main();
