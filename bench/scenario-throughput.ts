import { createHasher } from '../src/hash/hasher.ts';
import { type BenchWorldOptions, startBenchWorld } from './bench-world.ts';
import { RawWriter } from './raw-writer.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { inParallel } from './stats.ts';
import { CASES, type CaseName, type CaseResult, runCase, TOKENS_PER_USER } from './throughput-case.ts';
import { rowsOf } from './throughput-rows.ts';
import { nowMs } from './token-watch.ts';
import { createUsers } from './upstream.ts';

const HOW = [
  'Tokens exist upstream before; operator running, cluster registered, definitions there. Judged is the rate from the first ClusterAuthToken that a watch has seen to the last. What comes before the first (from the request that switches ACE on: connecting, preparing, reading the cluster) stands apart; the rate with it, too.',
  `Raw writer: a process of its own, undici Pool, Secret and then ClusterAuthToken, connections open before; so many pairs at a time per cluster as were best of 16, 32, 64 and 128 in one short burst each, once per case. Its rate is taken in the same two ways. It has no ClusterUserAttributes to write, the operator has one for ${TOKENS_PER_USER} tokens.`,
  'With several clusters the same number of tokens is dealt out to them, and the raw writer writes to all at once.',
  'Drained: from the request that switches ACE off until neither a ClusterAuthToken nor a Secret of ours is left, beside the raw writer that deletes as many pairs by name, ClusterAuthToken and then Secret, as many at a time as it wrote.',
  'Event-loop delay: p99 and maximum over one whole backfill, less the 10 ms period of the monitor; the worst round. Slowest cluster: its time from ACE on until its last token by that of the median cluster.',
];

/** Tokens/s into one cluster and into several, and out of them again, beside a raw writer of the same objects. */
export async function throughput(options: Options): Promise<ScenarioResult> {
  const bcryptBound = options.cases.includes('bcrypt') ? await bcryptPerSecond() : Number.NaN;
  const results: CaseResult[] = [];
  for (const clusters of options.clusters)
    results.push(...(await casesWith(clusters, options.cases, {}, options)));
  return {
    how: [...HOW, `Raw writer and operator alternate in ${options.rounds} rounds; medians.`],
    rows: results.flatMap((result) => rowsOf(result, { bcryptBound })),
    details: { bcryptBound, results },
  };
}

/** The same into one cluster that is far away. */
export async function farAway(options: Options): Promise<ScenarioResult> {
  const { roundTripMs } = options;
  const sized = { ...options, tokens: options.delayTokens };
  const results = await casesWith(1, ['already-hashed'], { roundTripMs }, sized);
  return {
    how: [
      `As in throughput; but the operator and the raw writer reach the cluster through a proxy that passes each piece on ${roundTripMs / 2} ms after it came, each way, however much is under way: ${roundTripMs} ms round trip. Sixteen workers that wait for two answers in turn make ${(16_000 / (2 * roundTripMs)).toFixed(0)} tokens/s there, sixty-four ${(64_000 / (2 * roundTripMs)).toFixed(0)}.`,
      `Raw writer and operator alternate in ${options.rounds} rounds; medians.`,
    ],
    rows: results.flatMap((result) => rowsOf(result, { suffix: `, ${roundTripMs} ms away`, ratio: 0.9 })),
    details: { results },
  };
}

async function casesWith(
  count: number,
  cases: readonly string[],
  far: BenchWorldOptions,
  options: Options,
): Promise<readonly CaseResult[]> {
  const bench = await startBenchWorld(count, far);
  const raw = new RawWriter();
  try {
    await createUsers(bench.world, Math.ceil(options.tokens / TOKENS_PER_USER));
    await bench.register({ ace: false });
    const results: CaseResult[] = [];
    const known = (name: CaseName): boolean => cases.includes(name);
    for (const name of CASES.filter(known)) results.push(await runCase(name, bench, raw, options));
    return results;
  } finally {
    raw.close();
    await bench.close();
  }
}

/** What bcryptjs can do here at all, with the operator's two threads and nothing else running. */
async function bcryptPerSecond(): Promise<number> {
  const hasher = createHasher();
  await Promise.all([hasher.hash('bcrypt', 'warm'), hasher.hash('bcrypt', 'up')]);
  const count = 60;
  const startedAtMs = nowMs();
  await inParallel(count, 4, (index) => hasher.hash('bcrypt', `secret-${index}`));
  const tookMs = nowMs() - startedAtMs;
  await hasher.close();
  return (count * 1000) / tookMs;
}
