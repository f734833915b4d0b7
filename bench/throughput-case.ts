import { eventually } from '../test/support/eventually.ts';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { type BenchWorld, whenNothingIsLeft } from './bench-world.ts';
import { NAMESPACE } from './objects.ts';
import { cpuMs, type LoopDelay, loopDelay } from './process-stats.ts';
import { bestConcurrency, type RawRound, rawRound, spreadOf, type Trial } from './raw-rounds.ts';
import type { RawWriter } from './raw-writer.ts';
import type { Options } from './scenario.ts';
import { inParallel } from './stats.ts';
import { nowMs } from './token-watch.ts';
import { createTokens, deleteTokens, type TokenPlan } from './upstream.ts';

export const CASES = ['already-hashed', 'sha3-512', 'bcrypt'] as const;
export type CaseName = (typeof CASES)[number];

export const TOKENS_PER_USER = 20;

/** One backfill and its drain. */
export interface OperatorRound {
  /** From the request that switches ACE on until the first ClusterAuthToken was seen: connecting, preparing, reading. */
  readonly connectMs: number;
  /** From that request until the last was seen. */
  readonly tokensPerSecond: number;
  /** From the first that was seen to the last. */
  readonly steadyPerSecond: number;
  readonly cpuMsPerToken: number;
  /** Without what was spent before the first was seen. */
  readonly steadyCpuMsPerToken: number;
  /** From the request that switches ACE off until neither a ClusterAuthToken nor a Secret was left. */
  readonly drainPerSecond: number;
  readonly loop: LoopDelay;
  /** The slowest cluster's time by that of the median one. */
  readonly spread: number;
}

export interface CaseResult {
  readonly name: CaseName;
  readonly clusters: number;
  readonly tokens: number;
  /** Best first. */
  readonly trials: readonly Trial[];
  readonly operator: readonly OperatorRound[];
  readonly raw: readonly RawRound[];
}

/** Backfills and drains by the operator and by the raw writer, in turns. Clusters are registered, ACE is off; users are there. */
export async function runCase(
  name: CaseName,
  bench: BenchWorld,
  raw: RawWriter,
  options: Options,
): Promise<CaseResult> {
  const tokens = name === 'bcrypt' ? options.bcryptTokens : options.tokens;
  const { world, ids } = bench;
  const title = `${name} into ${ids.length}`;
  options.say(`${title}: creating ${tokens} tokens upstream`);
  const plan: TokenPlan = {
    count: tokens,
    kind: name === 'already-hashed' ? 'hashed' : 'plain',
    prefix: name,
    clusters: ids,
    users: Math.ceil(tokens / TOKENS_PER_USER),
  };
  await createTokens(world, plan);
  const trials = await bestConcurrency(bench, raw, tokens);
  const concurrency = trials[0]?.concurrency ?? Number.NaN;
  options.say(`${title}: the raw writer is best with ${concurrency} pairs at a time`);
  const operator = await world.startOperator(['--hash-algorithm', name === 'bcrypt' ? 'bcrypt' : 'sha3-512']);
  const operatorRounds: OperatorRound[] = [];
  const rawRounds: RawRound[] = [];
  const rounds = name === 'bcrypt' ? 1 : options.rounds;
  for (let round = 1; round <= rounds; round += 1) {
    rawRounds.push(await rawRound(bench, raw, tokens, { concurrency, prefix: `${name}-${round}` }));
    operatorRounds.push(await operatorRound(bench, operator, tokens));
    options.say(
      `${title}, round ${round}: raw ${rawRounds.at(-1)?.steadyPerSecond.toFixed(0)}/s, operator ${operatorRounds.at(-1)?.steadyPerSecond.toFixed(0)}/s`,
    );
  }
  await world.stopOperator();
  await deleteTokens(bench.management, plan);
  return { name, clusters: ids.length, tokens, trials, operator: operatorRounds, raw: rawRounds };
}

async function operatorRound(
  bench: BenchWorld,
  operator: OperatorProcess,
  tokens: number,
): Promise<OperatorRound> {
  const { world, ids, watch } = bench;
  await loopDelay(operator);
  const cpuBefore = cpuMs(operator.pid);
  const seen = watch.whenCount(NAMESPACE, tokens);
  const first = watch.whenAtLeast(NAMESPACE, 1).then((atMs) => ({ atMs, cpu: cpuMs(operator.pid) }));
  const startedAtMs = nowMs();
  await setAce(bench, true);
  const { atMs: firstMs, cpu: cpuAtFirst } = await first;
  const lastMs = await seen;
  const cpu = cpuMs(operator.pid);
  const loop = await loopDelay(operator);
  const spread = spreadOf(bench, NAMESPACE, startedAtMs);
  await Promise.all(ids.map((id) => world.waitSynced(id)));
  const drainedAtMs = nowMs();
  await setAce(bench, false);
  const drainMs = (await whenNothingIsLeft(bench)) - drainedAtMs;
  await Promise.all(ids.map((id) => whenDrained(bench, id)));
  return {
    connectMs: firstMs - startedAtMs,
    tokensPerSecond: (tokens * 1000) / (lastMs - startedAtMs),
    steadyPerSecond: ((tokens - 1) * 1000) / (lastMs - firstMs),
    cpuMsPerToken: (cpu - cpuBefore) / tokens,
    steadyCpuMsPerToken: (cpu - cpuAtFirst) / tokens,
    drainPerSecond: (tokens * 1000) / drainMs,
    loop,
    spread,
  };
}

function setAce({ world, ids }: BenchWorld, enabled: boolean): Promise<void> {
  return inParallel(ids.length, ids.length, (index) => world.setAce(ids[index] ?? '', enabled));
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
