/**
 * Real API servers, the built programs, seeded faults, and a checker beside them.
 *
 * usage: ACE_SEED=7 ACE_SECONDS=150 node test/chaos/main.ts
 *
 * ACE_SEED: a number; without it one is made and printed. ACE_SECONDS: for how long things change and break; setting up, settling and a
 * silent minute come on top. ACE_FAULTS: kinds, by comma; `none`; without it, all. ACE_FAULT_EVERY: seconds from one to the next. ACE_CHAOS_SHARDS:
 * into so many shards the operators divide the clusters, where not one of them leads. ACE_CLUSTERS, ACE_CHANGES (a second): fewer, for a machine that has little time. Exit code 1 when an invariant was
 * broken.
 */
import { fileURLToPath } from 'node:url';
import { INVARIANTS, SENTENCES } from './messages.ts';
import { type RunResult, run } from './run.ts';
import { type FaultKind, KINDS, type Targets } from './schedule/faults.ts';
import { makeSchedule } from './schedule/schedule.ts';

const ROOT = fileURLToPath(new URL('../../.work/chaos', import.meta.url));
/** With how many authenticators each. */
const ALL_CLUSTERS = { 'c-1': 2, 'c-2': 1, 'c-3': 1 };
const CLUSTERS = Object.fromEntries(
  Object.entries(ALL_CLUSTERS).slice(0, Number(process.env['ACE_CLUSTERS'] || Number.POSITIVE_INFINITY)),
);
const CHANGES_PER_SECOND = 20;
const FAULT_EVERY_MS = [1_500, 4_000] as const;

/** From half as long to once and a half as long apart as was asked for. */
function faultEveryMs(): readonly [number, number] {
  const seconds = Number(process.env['ACE_FAULT_EVERY'] || 0);
  return seconds > 0 ? [seconds * 500, seconds * 1_500] : FAULT_EVERY_MS;
}

async function main(): Promise<void> {
  // The programs and planes go with this process, and it goes in order.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => process.exit(1));
  const seed = Number(process.env['ACE_SEED'] || Date.now() % 1_000_000);
  const seconds = Number(process.env['ACE_SECONDS'] || 150);
  const kinds = chosenKinds(process.env['ACE_FAULTS'] ?? '');
  const schedule = makeSchedule({
    ...{ seed, seconds, kinds, changesPerSecond: Number(process.env['ACE_CHANGES'] || CHANGES_PER_SECOND) },
    ...{ targets: targets(), faultEveryMs: faultEveryMs() },
  });
  const faults = schedule.entries.filter((entry) => 'fault' in entry).length;
  console.log(`seed ${seed}, ${seconds} s, ${schedule.entries.length - faults} changes, ${faults} faults`);
  const shards = Number(process.env['ACE_CHAOS_SHARDS'] || 0);
  console.log(
    `again: make test-chaos SEED=${seed} SECONDS=${seconds}${shards > 0 ? ` SHARDS=${shards}` : ''}`,
  );
  const say = (line: string): void => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);
  const silenceMs = process.env['ACE_SILENCE'] ? Number(process.env['ACE_SILENCE']) * 1_000 : undefined;
  const result = await run({
    ...{ seed, root: ROOT, clusters: CLUSTERS, schedule, say },
    shards,
    ...(silenceMs === undefined ? {} : { silenceMs }),
  });
  report(seed, result);
  process.exit(result.verdict.violations.length === 0 ? 0 : 1);
}

function chosenKinds(text: string): readonly FaultKind[] {
  const all = Object.keys(KINDS) as FaultKind[];
  if (text === '') return all;
  if (text === 'none') return [];
  const chosen = text.split(',').map((word) => word.trim());
  const unknown = chosen.filter((word) => !all.includes(word as FaultKind));
  if (unknown.length > 0)
    throw new Error(`no such fault: ${unknown.join(', ')}; there are: ${all.join(', ')}`);
  return chosen as FaultKind[];
}

function targets(): Targets {
  const clusters = Object.keys(CLUSTERS);
  return {
    clusters,
    pairs: clusters.filter((id) => (CLUSTERS[id] ?? 0) > 1),
    planes: ['management', ...clusters],
    links: [
      ...['operator-0/management', 'operator-1/management'],
      ...clusters.flatMap((id) => [`operators/${id}`, `authenticators/${id}`]),
    ],
    authenticators: Object.entries(CLUSTERS).flatMap(([id, count]) =>
      Array.from({ length: count }, (_, index) => `${id}/${index}`),
    ),
  };
}

function report(seed: number, { verdict, faults, leftOut, changes, dir }: RunResult): void {
  const { judged, violations, figures } = verdict;
  console.log(`\n${changes.done} changes (${changes.failed} in vain); faults carried out:`);
  for (const [kind, count] of faults) console.log(`  ${count} × ${kind}`);
  for (const [kind, count] of leftOut) console.log(`  ${count} × ${kind} left out`);
  for (const [name, value] of Object.entries(figures)) console.log(`  ${name}: ${value}`);
  console.log('');
  for (const invariant of INVARIANTS) {
    const broken = violations.filter((one) => one.invariant === invariant);
    const word = broken.length === 0 ? 'kept' : `BROKEN ${broken.length} ×`;
    console.log(`${invariant} ${word}, judged ${judged[invariant]} ×: ${SENTENCES[invariant]}`);
    for (const { atMs, object, what } of broken.slice(0, 5))
      console.log(`   ${new Date(atMs).toISOString()} seed ${seed} ${object}: ${what}`);
  }
  console.log(`the log of it all: ${dir}`);
}

await main();
