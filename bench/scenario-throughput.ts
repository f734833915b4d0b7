import { CLUSTER_AUTH_TOKENS, SECRETS } from '../src/api/names.ts';
import { createHasher } from '../src/hash/hasher.ts';
import { eventually } from '../test/support/eventually.ts';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { type BenchWorld, CONCURRENCY, startBenchWorld } from './bench-world.ts';
import { NAMESPACE, RAW_NAMESPACE } from './objects.ts';
import { cpuMs, type LoopDelay, loopDelay } from './process-stats.ts';
import { RawWriter } from './raw-writer.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { inParallel, median } from './stats.ts';
import { nowMs } from './token-watch.ts';
import { createTokens, createUsers, deleteTokens, type TokenPlan } from './upstream.ts';

export const CASES = ['already-hashed', 'sha3-512', 'bcrypt'] as const;
type CaseName = (typeof CASES)[number];

interface OperatorRound {
  readonly tokensPerSecond: number;
  readonly cpuMsPerToken: number;
  readonly connectMs: number;
  readonly drainPerSecond: number;
  readonly loop: LoopDelay;
}

interface RawRound {
  readonly tokensPerSecond: number;
  readonly cpuMsPerToken: number;
}

interface CaseResult {
  readonly name: CaseName;
  readonly clusters: number;
  readonly tokens: number;
  readonly operator: readonly OperatorRound[];
  readonly raw: readonly RawRound[];
}

const MIN_RATIO = 0.8;
const TOKENS_PER_USER = 20;
const MAX_LOOP_DELAY_MS = 20;

/** Tokens/s into one cluster and into five, beside a raw writer of the same objects. */
export async function throughput(options: Options): Promise<ScenarioResult> {
  const bcryptBound = await bcryptPerSecond();
  const results: CaseResult[] = [];
  for (const clusters of options.clusters) results.push(...(await casesWith(clusters, options)));
  return {
    how: [
      `Tokens exist upstream before; measured from the request that switches ACE on (operator running, cluster registered, definitions there) until a watch has seen the last ClusterAuthToken. This holds the connecting and the ClusterUserAttributes (one for ${TOKENS_PER_USER} tokens), which the raw writer has not.`,
      `Raw writer: a process of its own, undici Pool, ${CONCURRENCY} pairs at a time per cluster, from its first request until the same watch has seen the last. Raw and operator alternate in ${options.rounds} rounds; medians. The operator process lives through the rounds of a case, the raw writer's through all.`,
      'With five clusters the same number of tokens is dealt out to the five, and the raw writer writes to the five at once.',
      'Event-loop delay: p99 and maximum over one whole backfill, less the 10 ms period of the monitor; the worst round.',
    ],
    rows: results.flatMap((result) => rowsOf(result, bcryptBound)),
    details: { bcryptBound, results },
  };
}

async function casesWith(count: number, options: Options): Promise<readonly CaseResult[]> {
  const bench = await startBenchWorld(count);
  const raw = new RawWriter();
  try {
    await createUsers(bench.world, Math.ceil(options.tokens / TOKENS_PER_USER));
    for (const id of bench.ids) await bench.world.register(id, { ace: false });
    const results: CaseResult[] = [];
    for (const name of CASES.filter((known) => options.cases.includes(known))) {
      results.push(await runCase(name, bench, raw, options));
    }
    return results;
  } finally {
    raw.close();
    await bench.close();
  }
}

async function runCase(
  name: CaseName,
  bench: BenchWorld,
  raw: RawWriter,
  options: Options,
): Promise<CaseResult> {
  const tokens = name === 'bcrypt' ? options.bcryptTokens : options.tokens;
  const { world, ids } = bench;
  options.say(`${name} into ${ids.length}: creating ${tokens} tokens upstream`);
  const plan: TokenPlan = {
    count: tokens,
    kind: name === 'already-hashed' ? 'hashed' : 'plain',
    prefix: name,
    clusters: ids,
    users: Math.ceil(tokens / TOKENS_PER_USER),
  };
  await createTokens(world, plan);
  const operator = await world.startOperator(['--hash-algorithm', name === 'bcrypt' ? 'bcrypt' : 'sha3-512']);
  const operatorRounds: OperatorRound[] = [];
  const rawRounds: RawRound[] = [];
  const rounds = name === 'bcrypt' ? 1 : options.rounds;
  for (let round = 1; round <= rounds; round += 1) {
    rawRounds.push(await rawRound(bench, raw, tokens, `${name}-${round}`));
    operatorRounds.push(await operatorRound(bench, operator, tokens));
    options.say(
      `${name} into ${ids.length}, round ${round}: raw ${rawRounds.at(-1)?.tokensPerSecond.toFixed(0)}/s, operator ${operatorRounds.at(-1)?.tokensPerSecond.toFixed(0)}/s`,
    );
  }
  await world.stopOperator();
  await deleteTokens(world, plan);
  return { name, clusters: ids.length, tokens, operator: operatorRounds, raw: rawRounds };
}

async function rawRound(
  bench: BenchWorld,
  raw: RawWriter,
  tokens: number,
  prefix: string,
): Promise<RawRound> {
  const pairs = Math.floor(tokens / bench.clusters.length);
  const written = pairs * bench.clusters.length;
  const kubeconfigs = bench.clusters.map(({ downstream }) => downstream.plane.adminKubeconfig);
  const seen = bench.watch.whenCount(RAW_NAMESPACE, written);
  const job = { kubeconfigs, pairs, namespace: RAW_NAMESPACE, concurrency: CONCURRENCY, prefix };
  const { startedAtMs, cpuMs: cpu } = await raw.write(job);
  const tookMs = (await seen) - startedAtMs;
  for (const { bare } of bench.clusters) {
    await bare.deleteAll(CLUSTER_AUTH_TOKENS, RAW_NAMESPACE);
    await bare.deleteAll(SECRETS, RAW_NAMESPACE);
  }
  await bench.watch.whenCount(RAW_NAMESPACE, 0);
  return { tokensPerSecond: (written * 1000) / tookMs, cpuMsPerToken: cpu / written };
}

async function operatorRound(
  bench: BenchWorld,
  operator: OperatorProcess,
  tokens: number,
): Promise<OperatorRound> {
  const { world, ids, watch } = bench;
  await loopDelay(operator);
  const cpuBeforeMs = cpuMs(operator.pid);
  const seen = watch.whenCount(NAMESPACE, tokens);
  const first = watch.whenCount(NAMESPACE, 1);
  const startedAtMs = nowMs();
  await inParallel(ids.length, ids.length, (index) => world.setAce(ids[index] ?? '', true));
  const connectMs = (await first) - startedAtMs;
  const tookMs = (await seen) - startedAtMs;
  const cpu = cpuMs(operator.pid) - cpuBeforeMs;
  const loop = await loopDelay(operator);
  await Promise.all(ids.map((id) => world.waitSynced(id)));
  const drainedAtMs = nowMs();
  await inParallel(ids.length, ids.length, (index) => world.setAce(ids[index] ?? '', false));
  const drainMs = (await watch.whenCount(NAMESPACE, 0)) - drainedAtMs;
  await Promise.all(ids.map((id) => whenDrained(bench, id)));
  return {
    tokensPerSecond: (tokens * 1000) / tookMs,
    cpuMsPerToken: cpu / tokens,
    connectMs,
    drainPerSecond: (tokens * 1000) / drainMs,
    loop,
  };
}

function whenDrained({ world }: BenchWorld, id: string): Promise<void> {
  return eventually(
    async () => {
      const condition = await world.condition(id, 'Drained');
      if (condition?.status !== 'True') throw new Error(`Drained is ${JSON.stringify(condition)}`);
    },
    { timeoutMs: 60_000, what: `cluster ${id} to be drained` },
  );
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

function rowsOf(result: CaseResult, bcryptBound: number): readonly Row[] {
  const { name, clusters, tokens, operator, raw } = result;
  const title = `${name}, ${tokens} tokens into ${clusters}`;
  const rawRate = median(raw.map(({ tokensPerSecond }) => tokensPerSecond));
  const rate = median(operator.map(({ tokensPerSecond }) => tokensPerSecond));
  const isBcrypt = name === 'bcrypt';
  const worst = (pick: (loop: LoopDelay) => number): number =>
    Math.max(...operator.map(({ loop }) => pick(loop)));
  const p99 = worst(({ p99Ms }) => p99Ms);
  return [
    {
      what: title,
      value: rate,
      unit: 'tokens/s',
      yardstick: isBcrypt
        ? { what: 'bcryptjs alone, two threads', value: bcryptBound }
        : { what: 'raw writer', value: rawRate },
      ...(isBcrypt
        ? {}
        : { bar: { text: `≥ ${MIN_RATIO} of the raw writer`, met: rate / rawRate >= MIN_RATIO } }),
    },
    {
      what: `${title}: CPU of the operator`,
      value: median(operator.map(({ cpuMsPerToken }) => cpuMsPerToken)),
      unit: 'ms/token',
      yardstick: { what: 'raw writer', value: median(raw.map(({ cpuMsPerToken }) => cpuMsPerToken)) },
    },
    {
      what: `${title}: event-loop delay p99`,
      value: p99,
      unit: 'ms',
      bar: { text: `≤ ${MAX_LOOP_DELAY_MS} ms`, met: p99 <= MAX_LOOP_DELAY_MS },
    },
    { what: `${title}: event-loop delay, longest`, value: worst(({ maxMs }) => maxMs), unit: 'ms' },
    {
      what: `${title}: drained again (ACE off)`,
      value: median(operator.map(({ drainPerSecond }) => drainPerSecond)),
      unit: 'tokens/s',
    },
  ];
}
