import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { atMost } from './bars.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { whenCarried } from './carried.ts';
import { isWrite, operatorRequests, requestsSince } from './operator-requests.ts';
import { cpuMs, descriptors, rssMb } from './process-stats.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { createTokens, createUsers } from './upstream.ts';

const TOKENS_PER_USER = 20;
/** Until the status is written, debts are settled and the heap is quiet. */
const SETTLE_MS = 15_000;
const MAX_CPU_PERCENT = 1;

/** What is spent while nothing changes. */
export async function steady(options: Options): Promise<ScenarioResult> {
  const { steadyTokens: tokens, steadyClusters: clusters, steadySeconds: seconds } = options;
  const bench = await startBenchWorld(clusters, { plane: { audit: true } });
  try {
    options.say(`creating ${tokens} tokens for each of ${clusters} clusters`);
    const operator = await filled(bench, tokens);
    options.say(`at rest, for ${seconds} s`);
    await delay(SETTLE_MS);
    const before = await operatorRequests(bench);
    const cpuBefore = cpuMs(operator.pid);
    await delay(seconds * 1000);
    const cpuPercent = (cpuMs(operator.pid) - cpuBefore) / (seconds * 10);
    const requests = await requestsSince(bench, before);
    const writes = requests.filter(isWrite).length;
    const what = `${tokens} tokens × ${clusters} at rest, ${seconds} s`;
    return {
      how: [
        `${tokens} tokens synced into each of ${clusters} clusters; ${SETTLE_MS / 1000} s later CPU time of the whole process over ${seconds} s, and its requests by the audit logs of all API servers. One replica without leader election. A watch is counted when it ends, which it does after about 45 s, to be resumed; a list that comes as a stream is a watch, too. A review is a question, not a write.`,
      ],
      rows: [
        {
          ...{ what: `${what}: CPU`, value: cpuPercent, unit: '% of a core' },
          ...atMost(cpuPercent, MAX_CPU_PERCENT, '%'),
        },
        { what: `${what}: writes`, value: writes, unit: 'requests', ...atMost(writes, 0, '') },
        ...[...countBy(requests, ({ verb, resource }) => `${verb} ${resource}`)].map(([kind, count]) => ({
          ...{ what: `${what}: ${kind}`, value: count, unit: 'requests' },
        })),
        { what: `${what}: RSS`, value: rssMb(operator.pid), unit: 'MB' },
        { what: `${what}: sockets of the operator`, value: descriptors(operator.pid).sockets, unit: '' },
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

function countBy<T>(all: readonly T[], keyOf: (one: T) => string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const one of all) counts.set(keyOf(one), (counts.get(keyOf(one)) ?? 0) + 1);
  return counts;
}
