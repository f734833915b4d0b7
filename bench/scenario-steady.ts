import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { atMost } from './bars.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { cpuMs, rssMb } from './process-stats.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { seriesOf, whenCarried } from './scrape.ts';
import { createTokens, createUsers } from './upstream.ts';

const TOKENS_PER_USER = 20;
/** Until the status is written, debts are settled and the heap is quiet. */
const SETTLE_MS = 15_000;
const MAX_CPU_PERCENT = 1;
const READS = ['get', 'list', 'watch'];

/** What is spent while nothing changes. */
export async function steady(options: Options): Promise<ScenarioResult> {
  const { steadyTokens: tokens, steadyClusters: clusters, steadySeconds: seconds } = options;
  const bench = await startBenchWorld(clusters);
  try {
    options.say(`creating ${tokens} tokens for each of ${clusters} clusters`);
    const operator = await filled(bench, tokens);
    options.say(`at rest, for ${seconds} s`);
    await delay(SETTLE_MS);
    const before = await requestsOf(operator);
    const cpuBefore = cpuMs(operator.pid);
    await delay(seconds * 1000);
    const cpuPercent = (cpuMs(operator.pid) - cpuBefore) / (seconds * 10);
    const after = await requestsOf(operator);
    const requests = [...after].map(([verb, count]) => ({ verb, count: count - (before.get(verb) ?? 0) }));
    const writes = requests
      .filter(({ verb }) => !READS.includes(verb))
      .reduce((sum, { count }) => sum + count, 0);
    const what = `${tokens} tokens × ${clusters} at rest, ${seconds} s`;
    return {
      how: [
        `${tokens} tokens synced into each of ${clusters} clusters; ${SETTLE_MS / 1000} s later CPU time of the whole process over ${seconds} s, and requests to all planes by verb as /metrics counts them. One replica without leader election. A watch ends and is resumed about every 45 s; each resume is a request.`,
      ],
      rows: [
        {
          what: `${what}: CPU`,
          value: cpuPercent,
          unit: '% of a core',
          ...atMost(cpuPercent, MAX_CPU_PERCENT, '%'),
        },
        { what: `${what}: writes`, value: writes, unit: 'requests', ...atMost(writes, 0, '') },
        ...requests
          .filter(({ verb, count }) => READS.includes(verb) || count > 0)
          .map(({ verb, count }) => ({ what: `${what}: verb ${verb}`, value: count, unit: 'requests' })),
        { what: `${what}: RSS`, value: rssMb(operator.pid), unit: 'MB' },
      ],
      details: { requests, cpuPercent },
    };
  } finally {
    await bench.close();
  }
}

async function filled(bench: BenchWorld, tokens: number): Promise<OperatorProcess> {
  const { world, ids } = bench;
  const users = Math.ceil(tokens / TOKENS_PER_USER);
  await createUsers(world, users);
  await bench.register();
  const operator = await world.startOperator();
  for (const id of ids)
    await createTokens(world, {
      count: tokens,
      kind: 'hashed',
      prefix: `steady-${id}`,
      clusters: [id],
      users,
    });
  await whenCarried(operator, ids.length, ids.length * tokens);
  return operator;
}

async function requestsOf(operator: OperatorProcess): Promise<ReadonlyMap<string, number>> {
  const { body } = await operator.http('/metrics');
  const byVerb = new Map<string, number>();
  for (const { labels, value } of seriesOf(body, 'ace_api_requests_total')) {
    const verb = labels['verb'] ?? '';
    byVerb.set(verb, (byVerb.get(verb) ?? 0) + value);
  }
  return byVerb;
}
