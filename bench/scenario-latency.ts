import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_AUTH_TOKENS, SECRETS, TOKENS } from '../src/api/names.ts';
import { atMostTimes } from './bars.ts';
import { type BenchCluster, type BenchWorld, startBenchWorld } from './bench-world.ts';
import { RAW_NAMESPACE, rawPair } from './objects.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { quantile } from './stats.ts';
import { nowMs } from './token-watch.ts';
import { createToken, createUsers, type TokenPlan, tokenName } from './upstream.ts';

const USERS = 20;
const MAX_RATIO = 1.5;
const BARE = 'two sequential bare writes';
const REVOCATIONS = 30;
const WARM_UP = 40;

/** How long a token takes to be usable, and to be refused, in a cluster under a light load. */
export async function latency(options: Options): Promise<ScenarioResult> {
  const bench = await startBenchWorld(1);
  try {
    const { world, ids } = bench;
    await createUsers(world, USERS);
    await bench.register();
    await world.startOperator();
    const plan = { kind: 'hashed', clusters: ids, users: USERS } as const;
    const { latencyPerSecond: perSecond, latencySeconds } = options;
    await pace({ ...plan, prefix: 'warm', count: WARM_UP }, bench, perSecond);
    const count = Math.max(perSecond * latencySeconds, 2 * REVOCATIONS);
    options.say(`creating ${perSecond} tokens a second for ${latencySeconds} s`);
    const measured = await pace({ ...plan, prefix: 'paced', count }, bench, perSecond);
    const tokens = Array.from({ length: REVOCATIONS * 2 }, (_, index) =>
      tokenName({ prefix: 'paced' }, index),
    );
    options.say(`disabling ${REVOCATIONS} tokens and deleting as many, one by one`);
    const disabled = await revoke(tokens.slice(0, REVOCATIONS), bench, (name) =>
      world.patchToken(name, { enabled: false }),
    );
    const deleted = await revoke(tokens.slice(REVOCATIONS), bench, (name) =>
      bench.management.remove(TOKENS, name),
    );
    return resultOf({ ...measured, perSecond, disabled, deleted });
  } finally {
    await bench.close();
  }
}

interface Paced {
  /** From the answered create to the ClusterAuthToken in a downstream watch. */
  readonly lagsMs: readonly number[];
  /** Two bare writes, one after the other, between every two creates. */
  readonly bareMs: readonly number[];
}

/** Open loop: a slow answer does not put off the next create. */
async function pace(plan: TokenPlan, bench: BenchWorld, perSecond: number): Promise<Paced> {
  const { world, clusters, watch } = bench;
  const answeredAtMs = new Map<string, number>();
  const bareMs: number[] = [];
  const startMs = nowMs();
  const until = (atMs: number): Promise<void> => delay(Math.max(0, startMs + atMs - nowMs()));
  const periodMs = 1000 / perSecond;
  const present = watch.count('cattle-system');
  const one = async (index: number): Promise<void> => {
    await until(index * periodMs);
    await createToken(world, plan, index);
    answeredAtMs.set(tokenName(plan, index), nowMs());
  };
  const bare = async (index: number): Promise<void> => {
    await until((index + 0.5) * periodMs);
    bareMs.push(await twoBareWrites(clusters, `${plan.prefix}-${index}`));
  };
  await Promise.all(Array.from({ length: plan.count }, (_, index) => [one(index), bare(index)]).flat());
  await watch.whenCount('cattle-system', present + plan.count, 60_000);
  const lagsMs = [...answeredAtMs].map(([name, atMs]) => (watch.appearedAtMs(name) ?? Number.NaN) - atMs);
  return { lagsMs, bareMs };
}

async function twoBareWrites([cluster]: readonly BenchCluster[], name: string): Promise<number> {
  const [secret, clusterAuthToken] = rawPair(name, RAW_NAMESPACE);
  const startMs = nowMs();
  await cluster?.bare.create(SECRETS, secret);
  await cluster?.bare.create(CLUSTER_AUTH_TOKENS, clusterAuthToken);
  return nowMs() - startMs;
}

async function revoke(
  names: readonly string[],
  { watch }: BenchWorld,
  doIt: (name: string) => Promise<unknown>,
): Promise<readonly number[]> {
  const lagsMs: number[] = [];
  for (const name of names) {
    await doIt(name);
    const answeredMs = nowMs();
    await watch.whenGone(name);
    lagsMs.push((watch.goneAtMs(name) ?? Number.NaN) - answeredMs);
    await delay(Math.random() * 50);
  }
  return lagsMs;
}

function resultOf(
  measured: Paced & { perSecond: number; disabled: readonly number[]; deleted: readonly number[] },
): ScenarioResult {
  const { lagsMs, bareMs, perSecond, disabled, deleted } = measured;
  const bareP99 = quantile(bareMs, 0.99);
  const p99 = quantile(lagsMs, 0.99);
  const row = (what: string, values: readonly number[], q: number): Row => ({
    what: `${what}, p${q * 100}`,
    value: quantile(values, q),
    unit: 'ms',
  });
  const yardstick = (q: number): Pick<Row, 'yardstick'> => ({
    yardstick: { what: BARE, value: quantile(bareMs, q) },
  });
  const usable = 'Token created until usable downstream';
  return {
    how: [
      `${perSecond} tokens a second (stored hashed) into one cluster, open loop, after ${WARM_UP} to warm up; from the answer to the create until the ClusterAuthToken appears in a downstream watch.`,
      'Yardstick: create Secret and then ClusterAuthToken over bare HTTPS, until answered, half-way between every two token creates.',
      `Revocations: ${REVOCATIONS} each, one after the other, from the answer to the patch or delete until the ClusterAuthToken is gone in the watch.`,
    ],
    rows: [
      { ...row(usable, lagsMs, 0.5), ...yardstick(0.5) },
      {
        ...row(usable, lagsMs, 0.99),
        ...atMostTimes(p99, MAX_RATIO, { what: BARE, value: bareP99 }),
      },
      row('Token disabled until gone downstream', disabled, 0.5),
      row('Token disabled until gone downstream', disabled, 0.99),
      row('Token deleted until gone downstream', deleted, 0.5),
      row('Token deleted until gone downstream', deleted, 0.99),
    ],
    details: measured,
  };
}
