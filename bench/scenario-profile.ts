import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { type Cost, costs, monotonicUs, readProfile, type Window } from './cpu-profile.ts';
import { NAMESPACE } from './objects.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { createTokens, createUsers } from './upstream.ts';

const TOP = 30;
const TOKENS_PER_USER = 20;
const CLUSTER = 'c-0';

/** Where the operator's main thread spends its time during backfills: the first one, and a warm one. */
export async function profile(options: Options): Promise<ScenarioResult> {
  const bench = await startBenchWorld(1);
  const directory = mkdtempSync(join(tmpdir(), 'ace-bench-profile-'));
  process.env['NODE_OPTIONS'] = `--cpu-prof --cpu-prof-interval=250 --cpu-prof-dir=${directory}`;
  try {
    const { world } = bench;
    const users = Math.ceil(options.tokens / TOKENS_PER_USER);
    await createUsers(world, users);
    await createTokens(world, {
      count: options.tokens,
      kind: 'hashed',
      prefix: 'p',
      clusters: [CLUSTER],
      users,
    });
    await bench.register({ ace: false });
    await world.startOperator();
    const cold = await backfill(bench, options.tokens);
    await world.setAce(CLUSTER, false);
    await bench.watch.whenCount(NAMESPACE, 0);
    const warm = await backfill(bench, options.tokens);
    await world.stopOperator();
    const recorded = readProfile(directory);
    const windows = { cold: costs(recorded, cold), warm: costs(recorded, warm) };
    return {
      how: [
        `Main thread under --cpu-prof, ${options.tokens} already-hashed tokens into one cluster, from ACE on until the last ClusterAuthToken is visible; idle time left out. Twice: cold is the operator's first backfill, warm its second. Profile in ${directory}, for Chrome's developer tools.`,
      ],
      rows: Object.entries(windows).flatMap(([name, { busyMs, costs: all }]) => [
        { what: `${name}: busy`, value: busyMs, unit: 'ms' },
        ...top(name, 'self', all, ({ selfMs }) => selfMs),
        ...top(name, 'with callees', all, ({ totalMs }) => totalMs),
      ]),
      details: {},
    };
  } finally {
    delete process.env['NODE_OPTIONS'];
    await bench.close();
  }
}

async function backfill({ world, watch }: BenchWorld, count: number): Promise<Window> {
  const seen = watch.whenCount(NAMESPACE, count);
  const fromUs = monotonicUs();
  await world.setAce(CLUSTER, true);
  await seen;
  const toUs = monotonicUs();
  await world.waitSynced(CLUSTER);
  return { fromUs, toUs };
}

function top(
  window: string,
  which: string,
  all: readonly Cost[],
  pick: (cost: Cost) => number,
): readonly Row[] {
  return [...all]
    .sort((a, b) => pick(b) - pick(a))
    .slice(0, TOP)
    .map((cost) => ({ what: `${window}, ${which}: ${cost.where}`, value: pick(cost), unit: 'ms' }));
}
