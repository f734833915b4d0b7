import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_AUTH_TOKENS, SECRETS } from '../src/api/names.ts';
import { atMostTimes } from './bars.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { NAMESPACE, RAW_NAMESPACE, rawPair } from './objects.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { median, quantile } from './stats.ts';
import { nowMs } from './token-watch.ts';
import { createTokens, createUsers, tokenName } from './upstream.ts';

const REVOCATIONS = 30;
const MAX_RATIO = 3;
const PREFIX = 'bare-delete';

interface Measured {
  /** From the answer to the patch that disables a token until its ClusterAuthToken was seen to be gone. */
  readonly revokedMs: readonly number[];
  /** One bare delete after each of them, until answered. */
  readonly bareMs: readonly number[];
  /** The same with nothing queued. */
  readonly idleBareMs: readonly number[];
  /** Creations that were still owed when the last was revoked. */
  readonly owedAtLast: number;
}

/** How long a revocation takes while thousands of creations wait in the same queue. */
export async function revocationQueue(options: Options): Promise<ScenarioResult> {
  const bench = await startBenchWorld(1);
  const { queued } = options;
  try {
    const { world, ids, watch } = bench;
    const plan = { kind: 'hashed', clusters: ids, users: 1 } as const;
    await createUsers(world, 1);
    await createTokens(world, { ...plan, prefix: 'revoked', count: REVOCATIONS });
    await bench.register();
    await world.startOperator();
    await watch.whenCount(NAMESPACE, REVOCATIONS);
    options.say(`creating ${queued} tokens of a user who is not there yet`);
    await createTokens(world, { ...plan, prefix: 'queued', count: queued, firstUser: 1 });
    const idleBareMs = await idleDeletes(bench);
    options.say(`creating that user, and disabling ${REVOCATIONS} tokens meanwhile`);
    await createUsers(world, 1, { first: 1 });
    await watch.whenAtLeast(NAMESPACE, REVOCATIONS + 1);
    const revoked = await revoke(bench);
    const owedAtLast = queued - watch.count(NAMESPACE);
    return resultOf(queued, { ...revoked, idleBareMs, owedAtLast });
  } finally {
    await bench.close();
  }
}

async function revoke({
  world,
  watch,
  clusters,
}: BenchWorld): Promise<Pick<Measured, 'revokedMs' | 'bareMs'>> {
  const [revokedMs, bareMs]: [number[], number[]] = [[], []];
  for (let index = 0; index < REVOCATIONS; index += 1) {
    const name = tokenName({ prefix: 'revoked' }, index);
    await world.patchToken(name, { enabled: false });
    const answeredMs = nowMs();
    await watch.whenGone(name);
    revokedMs.push((watch.goneAtMs(name) ?? Number.NaN) - answeredMs);
    bareMs.push(await bareDelete(clusters[0], REVOCATIONS + index));
    await delay(Math.random() * 100);
  }
  return { revokedMs, bareMs };
}

/** Makes what is deleted bare, then and now. */
async function idleDeletes({ clusters }: BenchWorld): Promise<readonly number[]> {
  for (let index = 0; index < 2 * REVOCATIONS; index += 1) {
    const [secret, clusterAuthToken] = rawPair(`${PREFIX}-${index}`, RAW_NAMESPACE);
    await clusters[0]?.bare.create(SECRETS, secret);
    await clusters[0]?.bare.create(CLUSTER_AUTH_TOKENS, clusterAuthToken);
  }
  const idle: number[] = [];
  for (let index = 0; index < REVOCATIONS; index += 1) idle.push(await bareDelete(clusters[0], index));
  return idle;
}

async function bareDelete(
  cluster: BenchWorld['clusters'][number] | undefined,
  index: number,
): Promise<number> {
  const startMs = nowMs();
  await cluster?.bare.remove(CLUSTER_AUTH_TOKENS, `${PREFIX}-${index}`, RAW_NAMESPACE);
  return nowMs() - startMs;
}

function resultOf(queued: number, measured: Measured): ScenarioResult {
  const { revokedMs, bareMs, idleBareMs, owedAtLast } = measured;
  const p99 = quantile(revokedMs, 0.99);
  const what = `disabled until gone downstream, ${queued} creations queued`;
  return {
    how: [
      `${queued} tokens of a user who does not exist; creating her queues them all. Meanwhile ${REVOCATIONS} other tokens are disabled one by one, up to 0.1 s apart; from the answer to the patch until the ClusterAuthToken is gone in the watch.`,
      'Yardstick: one ClusterAuthToken deleted over bare HTTPS after each of them, under the same load, until answered. p99 of 30 is the longest.',
      'Creations still owed when the last was revoked: were it none, part of the figures would be of an empty queue.',
    ],
    rows: [
      {
        ...{ what: `${what}, p50`, value: median(revokedMs), unit: 'ms' },
        yardstick: { what: 'one bare delete', value: median(bareMs) },
      },
      {
        ...{ what: `${what}, p99`, value: p99, unit: 'ms' },
        ...atMostTimes(p99, MAX_RATIO, { what: 'one bare delete', value: quantile(bareMs, 0.99) }),
      },
      { what: 'one bare delete with nothing queued, p99', value: quantile(idleBareMs, 0.99), unit: 'ms' },
      {
        ...{ what: 'creations still owed when the last was revoked', value: owedAtLast, unit: 'tokens' },
        bar: { text: '≥ 1', met: owedAtLast >= 1 },
      },
    ],
    details: measured,
  };
}
