import { setTimeout as delay } from 'node:timers/promises';
import { atMost } from './bars.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { sumOf, whenCarried } from './carried.ts';
import { peakRssMb, rssMb, scrape } from './process-stats.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { createTokens, createUsers } from './upstream.ts';

const USERS = 50;
const SETTLE_MS = 10_000;
const MB = 2 ** 20;
const BASE_MB = 90;
const BYTES_PER_COPY = 1_200;
/** Of a copy: the Token upstream, the ClusterAuthToken and the Secret downstream. */
const OBJECTS_PER_COPY = 3;
const BYTES_PER_OBJECT = 600;

interface Memory {
  /** Tokens that are in the cluster. */
  readonly copies: number;
  readonly rssMb: number;
  readonly heapUsedMb: number;
  readonly peakMb: number;
}

/** Memory of the operator by the number of tokens that it carries. */
export async function memory(options: Options): Promise<ScenarioResult> {
  const bench = await startBenchWorld(1);
  try {
    await createUsers(bench.world, USERS);
    await bench.register();
    const measured: Memory[] = [];
    for (const copies of [0, ...options.memoryTokens]) {
      options.say(`${copies} tokens`);
      await growTo(bench, measured.at(-1)?.copies ?? 0, copies);
      measured.push(await measure(bench, copies));
    }
    return resultOf(measured);
  } finally {
    await bench.close();
  }
}

async function growTo({ world, ids }: BenchWorld, from: number, to: number): Promise<void> {
  const operator = await world.startOperator();
  const plan = { kind: 'hashed', prefix: `held-${to}`, clusters: ids, users: USERS } as const;
  await createTokens(world, { ...plan, count: to - from });
  await whenCarried(operator, 1, to);
  await world.stopOperator();
}

/** Of a process that found everything in order: what a backfill has left in a heap differs from one to the next. */
async function measure({ world }: BenchWorld, copies: number): Promise<Memory> {
  const operator = await world.startOperator();
  await whenCarried(operator, 1, copies);
  await delay(SETTLE_MS);
  const rss = rssMb(operator.pid);
  const heapUsedMb = sumOf(await scrape(operator), 'nodejs_heap_size_used_bytes') / MB;
  const peakMb = peakRssMb(operator.pid);
  await world.stopOperator();
  return { copies, rssMb: rss, heapUsedMb, peakMb };
}

function resultOf(measured: readonly Memory[]): ScenarioResult {
  const [none, smallest] = measured;
  const last = measured.at(-1);
  if (!none || !smallest || !last || last === none) throw new Error('memory needs one size at least');
  const from = smallest === last ? none : smallest;
  const perCopy = ((last.rssMb - from.rssMb) * MB) / (last.copies - from.copies);
  const base = from.rssMb - (perCopy * from.copies) / MB;
  const slope = `from ${from.copies} to ${last.copies}`;
  return {
    how: [
      `RSS of an operator that was started with so many tokens synced into one cluster, ${SETTLE_MS / 1000} s after it had compared all of them; ${USERS} users. Peak is VmHWM of that process.`,
      'Bytes a copy: the slope between the smallest and the largest number; the base is where that line meets no tokens. A copy is one token in one cluster: Token, ClusterAuthToken and Secret are held of it.',
    ],
    rows: [
      ...measured.flatMap(rowsOf),
      {
        ...{ what: `a copy, ${slope}`, value: perCopy, unit: 'bytes' },
        ...atMost(perCopy, BYTES_PER_COPY, 'bytes'),
      },
      {
        ...{ what: `an object held, ${slope}`, value: perCopy / OBJECTS_PER_COPY, unit: 'bytes' },
        ...atMost(perCopy / OBJECTS_PER_COPY, BYTES_PER_OBJECT, 'bytes'),
      },
      { what: 'base', value: base, unit: 'MB', ...atMost(base, BASE_MB, 'MB') },
    ],
    details: { measured },
  };
}

function rowsOf({ copies, rssMb: rss, heapUsedMb, peakMb }: Memory): readonly Row[] {
  const limit = Math.round(BASE_MB + (BYTES_PER_COPY * copies) / 1e6);
  return [
    { what: `${copies} copies: RSS`, value: rss, unit: 'MB', ...atMost(rss, limit, 'MB') },
    { what: `${copies} copies: heap in use`, value: heapUsedMb, unit: 'MB' },
    { what: `${copies} copies: peak RSS`, value: peakMb, unit: 'MB' },
  ];
}
