/**
 * Does anything grow? The programs under a steady stream of changes, without faults; memory, open files, sockets, handles and timers of
 * each are read from outside, and how steeply they rise.
 *
 * usage: ACE_SECONDS=3600 node test/chaos/soak.ts
 *
 * Exit code 1 when something leaks (growth.ts), or an invariant was broken.
 */
import { appendFileSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { growthOf, type Sample } from './growth.ts';
import { run } from './run.ts';
import type { Program } from './scene/programs.ts';
import type { Scene } from './scene/scene.ts';
import { makeSchedule } from './schedule/schedule.ts';

const ROOT = fileURLToPath(new URL('../../.work/soak', import.meta.url));
const CLUSTERS = { 'c-1': 1, 'c-2': 1 };
const SAMPLE_MS = 5_000;
const SEED = 1;
/** Its garbage is collected before every so manieth sample: to do so takes a second in which it is slower. */
const COLLECT_EACH = 3;
/** So many of its samples a program has to give, or nothing is known of it. */
const ENOUGH = 2 / 3;

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
    before: async (scene) => {
      for (const program of programsOf(scene)) {
        samples.set(program.name, []);
        await program.offerDiagnostics();
      }
    },
    beside: (scene) => sampleAll(scene, samples),
    say: (line) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`),
  });
  for (const [name, all] of samples)
    appendFileSync(
      join(dir, 'samples.jsonl'),
      all.map((one) => `${JSON.stringify({ name, ...one })}\n`).join(''),
    );
  const least = (seconds * 1_000 * ENOUGH) / SAMPLE_MS;
  const steep = [...samples].flatMap(([name, all]) =>
    all.length < least ? [`${name} said only ${all.length} times what it uses`] : report(name, all),
  );
  for (const line of steep) console.log(`RISES ${line}`);
  for (const { invariant, object, what } of verdict.violations)
    console.log(`${invariant} ${object}: ${what}`);
  process.exit(steep.length === 0 && verdict.violations.length === 0 ? 0 : 1);
}

const programsOf = (scene: Scene): readonly Program[] => [
  ...scene.operators,
  ...scene.authenticators.values(),
];

function sampleAll(scene: Scene, samples: Map<string, Sample[]>): () => void {
  const live = new Map<string, number>();
  let round = 0;
  const timer = setInterval(() => {
    round += 1;
    for (const program of programsOf(scene))
      void sample(program, round % COLLECT_EACH === 1, live)
        .then((one) => samples.set(program.name, [...(samples.get(program.name) ?? []), one]))
        // A moment in which it does not answer is one sample less.
        .catch(() => undefined);
  }, SAMPLE_MS);
  return () => clearInterval(timer);
}

/** @param live - what was in use after garbage was last collected, by program */
async function sample(program: Program, collects: boolean, live: Map<string, number>): Promise<Sample> {
  const { pid, name } = program;
  if (collects) {
    await program.collectGarbage();
    const used = await program.metric('nodejs_heap_size_used_bytes');
    const external = await program.metric('nodejs_external_memory_bytes');
    if (used === 0 || external === 0) throw new Error(`${name} did not say what it uses`);
    live.set(name, (used + external) / 1_048_576);
  }
  const liveMb = live.get(name);
  if (liveMb === undefined) throw new Error(`${name} has not said yet what it uses`);
  const [, kb = '0'] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  const links = readdirSync(`/proc/${pid}/fd`).map((fd) => linkOf(`/proc/${pid}/fd/${fd}`));
  return {
    atMs: Date.now(),
    liveMb,
    residentMb: Number(kb) / 1_024,
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

/** Prints one line for each measure. @returns those that leak */
function report(name: string, all: readonly Sample[]): readonly string[] {
  return growthOf(all).flatMap(({ measure, least, most, perHour, isLeak }) => {
    const line = `${name} ${measure}: ${round(least)} to ${round(most)}, ${round(perHour)} an hour`;
    console.log(line);
    return isLeak ? [line] : [];
  });
}

const round = (value: number): number => Math.round(value * 10) / 10;

await main();
