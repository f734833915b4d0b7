import { atMostTimes } from './bars.ts';
import { type BenchWorld, startBenchWorld, whenNothingIsLeft } from './bench-world.ts';
import { NAMESPACE } from './objects.ts';
import { bestConcurrency, jobOf, tookMs } from './raw-rounds.ts';
import { RawWriter } from './raw-writer.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { nowMs } from './token-watch.ts';
import { createTokens, createUsers, deleteTokens, type TokenPlan } from './upstream.ts';

const MAX_RATIO = 1.2;
/** Not registered: its tokens are wanted nowhere. */
const ELSEWHERE = 'c-elsewhere';

interface Bare {
  readonly concurrency: number;
  /** Pairs downstream. */
  readonly pairsMs: number;
  /** As many Tokens upstream, at the same time. */
  readonly upstreamMs: number;
  /** Until both were done. */
  readonly totalMs: number;
}

interface Offboarded {
  /** Until the last Token was deleted upstream. */
  readonly upstreamMs: number;
  /** Until nothing was left of them in any cluster; from the first delete upstream. */
  readonly totalMs: number;
}

/** Every token of one user deleted: how long until nothing of them is in any cluster. */
export async function offboarding(options: Options): Promise<ScenarioResult> {
  const bench = await startBenchWorld(options.offboardingClusters);
  const raw = new RawWriter();
  const count = options.offboardingTokens;
  try {
    await createUsers(bench.world, 1);
    const bare = await bareDeletes(bench, raw, count, options);
    options.say(`bare: ${JSON.stringify(bare)}`);
    const offboarded = await offboard(bench, count, options);
    options.say(`operator: ${JSON.stringify(offboarded)}`);
    return resultOf(options, bare, offboarded);
  } finally {
    raw.close();
    await bench.close();
  }
}

/** No operator runs. */
async function bareDeletes(
  bench: BenchWorld,
  raw: RawWriter,
  count: number,
  options: Options,
): Promise<Bare> {
  const [best] = await bestConcurrency(bench, raw, count);
  const concurrency = best?.concurrency ?? Number.NaN;
  options.say(`raw writer: ${count} pairs, ${concurrency} at a time in each cluster`);
  const twins: TokenPlan = { count, kind: 'hashed', prefix: 'twin', clusters: [ELSEWHERE], users: 1 };
  await createTokens(bench.world, twins);
  const job = jobOf(bench, {
    ...{ pairs: Math.floor(count / bench.ids.length), concurrency, prefix: 'offboarded' },
  });
  await raw.run({ ...job, task: 'write' });
  const upstream = Promise.withResolvers<number>();
  const deleted = await raw.run({ ...job, task: 'delete' }, () => {
    upstream.resolve(deleteTokens(bench.management, twins).then(nowMs));
  });
  const upstreamMs = (await upstream.promise) - deleted.startedAtMs;
  const pairsMs = tookMs(deleted);
  return { concurrency, pairsMs, upstreamMs, totalMs: Math.max(pairsMs, upstreamMs) };
}

async function offboard(bench: BenchWorld, count: number, options: Options): Promise<Offboarded> {
  const { world, watch, ids } = bench;
  const plan: TokenPlan = { count, kind: 'hashed', prefix: 'leaving', clusters: ids, users: 1 };
  options.say(`operator: ${count} tokens of one user into ${ids.length} clusters`);
  await createTokens(world, plan);
  await bench.register();
  await world.startOperator();
  await watch.whenCount(NAMESPACE, count);
  await Promise.all(ids.map((id) => world.waitSynced(id)));
  const startedAtMs = nowMs();
  const upstream = deleteTokens(bench.management, plan).then(nowMs);
  const upstreamMs = (await upstream) - startedAtMs;
  return { upstreamMs, totalMs: (await whenNothingIsLeft(bench)) - startedAtMs };
}

function resultOf(options: Options, bare: Bare, offboarded: Offboarded): ScenarioResult {
  const { offboardingTokens: count, offboardingClusters: clusters } = options;
  const what = `${count} tokens of one user in ${clusters} clusters deleted`;
  const total = offboarded.totalMs / 1000;
  return {
    how: [
      `One user's ${count} tokens, dealt out to ${clusters} clusters, are deleted upstream, 16 at a time; from the first request until neither a ClusterAuthToken nor a Secret is left in any cluster.`,
      `Yardstick: no operator; the raw writer deletes as many pairs (${bare.concurrency} at a time in each cluster) while as many Tokens are deleted upstream in the same way, until both are done: the same requests on the same two cores.`,
    ],
    rows: [
      {
        ...{ what: `${what}: nothing left anywhere after`, value: total, unit: 's' },
        ...atMostTimes(total, MAX_RATIO, { what: 'the same deletes bare', value: bare.totalMs / 1000 }),
      },
      {
        ...{ what: `${what}: all gone upstream after`, value: offboarded.upstreamMs / 1000, unit: 's' },
        yardstick: { what: 'beside the bare deletes', value: bare.upstreamMs / 1000 },
      },
      {
        ...{ what: `${what}: owed after the last was gone upstream, for`, unit: 's' },
        value: (offboarded.totalMs - offboarded.upstreamMs) / 1000,
      },
    ],
    details: { bare, offboarded },
  };
}
