import { setTimeout as delay } from 'node:timers/promises';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  SECRETS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../src/api/names.ts';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { atMost, atMostTimes } from './bars.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { whenCarried } from './carried.ts';
import { NAMESPACE } from './objects.ts';
import { isWrite, operatorRequests, requestsSince } from './operator-requests.ts';
import { cpuMs, type LoopDelay, peakRssMb } from './process-stats.ts';
import type { Options, ScenarioResult } from './scenario.ts';
import { median } from './stats.ts';
import { nowMs } from './token-watch.ts';
import { createTokens, createUsers } from './upstream.ts';

interface Restart {
  /** From the spawn to Synced confirmed. */
  readonly totalMs: number;
  /** From the spawn to the operator's first log line: Node and its imports. */
  readonly importMs: number;
  readonly peakRssMb: number;
  readonly cpuMs: number;
  readonly loop: LoopDelay;
  readonly reads: number;
  readonly writes: number;
  /** What was written, as verb, object and status. */
  readonly written: readonly string[];
}

const TOKENS_PER_USER = 20;
const MAX_RATIO = 1.3;
const LISTS = 2;
/** Longer than the status writer keeps a guess back: a late write must be counted too. */
const LATE_WRITES_MS = 8_000;

/** A restart with everything in order: how long, how many writes, how much memory. */
export async function restart(options: Options): Promise<ScenarioResult> {
  const { restartTokens: tokens, restartClusters: clusters } = options;
  const bench = await startBenchWorld(clusters, { plane: { audit: true } });
  const size: Size = { tokens, clusters, users: Math.ceil(tokens / TOKENS_PER_USER) };
  try {
    options.say(`creating ${tokens} tokens for each of ${clusters} clusters`);
    const backfill = await fill(bench, size);
    const lists: Lists[] = [];
    const restarts: Restart[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      for (let list = 0; list < LISTS; list += 1) lists.push(await pagedLists(bench, size));
      options.say(`restart ${round}`);
      restarts.push(await measureRestart(bench, size));
    }
    return resultOf(size, backfill, restarts, lists);
  } finally {
    await bench.close();
  }
}

interface Size {
  /** In each cluster. */
  readonly tokens: number;
  readonly clusters: number;
  /** Each has tokens in each cluster. */
  readonly users: number;
}

interface Backfill {
  readonly peakRssMb: number;
  readonly cpuMs: number;
  readonly loop: LoopDelay;
}

/** Everything synced, and the operator stopped again. */
async function fill(bench: BenchWorld, size: Size): Promise<Backfill> {
  const { world } = bench;
  await createUsers(world, size.users);
  for (const id of bench.ids) {
    await createTokens(world, {
      ...{ count: size.tokens, kind: 'hashed', prefix: `kept-${id}`, clusters: [id], users: size.users },
    });
  }
  await bench.register();
  const operator = await world.startOperator();
  const loop = await whenCarried(operator, size.clusters, size.clusters * size.tokens);
  await Promise.all(bench.ids.map((id) => world.waitSynced(id, `${size.tokens}/${size.tokens}`)));
  const backfill = { peakRssMb: peakRssMb(operator.pid), cpuMs: cpuMs(operator.pid), loop };
  await world.stopOperator();
  return backfill;
}

async function measureRestart(bench: BenchWorld, { clusters, tokens }: Size): Promise<Restart> {
  const { world } = bench;
  const before = await operatorRequests(bench);
  const spawnedAtMs = nowMs();
  const operator = await world.startOperator();
  const loop = await whenCarried(operator, clusters, clusters * tokens);
  const syncedAtMs = nowMs();
  const cpu = cpuMs(operator.pid);
  await delay(LATE_WRITES_MS);
  const lines = await requestsSince(bench, before);
  const writes = lines.filter(isWrite);
  const peak = peakRssMb(operator.pid);
  await world.stopOperator();
  return {
    totalMs: syncedAtMs - spawnedAtMs,
    importMs: firstLogLineAtMs(operator) - spawnedAtMs,
    peakRssMb: peak,
    cpuMs: cpu,
    loop,
    reads: lines.length - writes.length,
    writes: writes.length,
    written: writes.map(
      ({ verb, resource, subresource, name, code }) => `${verb} ${resource} ${name} ${subresource}: ${code}`,
    ),
  };
}

function firstLogLineAtMs(operator: OperatorProcess): number {
  const line = operator.logs().find(({ message }) => message === 'ace-operator starting');
  return Date.parse(String(line?.['timestamp'] ?? line?.['time']));
}

interface Lists {
  readonly inTurnMs: number;
  readonly atOnceMs: number;
}

/** The same objects, read by bare paged lists. */
async function pagedLists({ management, clusters }: BenchWorld, { users, tokens }: Size): Promise<Lists> {
  const ours = `${LABEL_MANAGED_BY}=${FIELD_MANAGER}`;
  const lists = [
    { run: () => management.countByPages(USERS), count: users },
    { run: () => management.countByPages(USER_ATTRIBUTES), count: users },
    { run: () => management.countByPages(TOKENS), count: clusters.length * tokens },
    ...clusters.flatMap(({ bare }) => [
      { run: () => bare.countByPages(CLUSTER_AUTH_TOKENS, NAMESPACE), count: tokens },
      { run: () => bare.countByPages(CLUSTER_USER_ATTRIBUTES, NAMESPACE), count: users },
      { run: () => bare.countByPages(SECRETS, NAMESPACE, ours), count: tokens },
    ]),
  ];
  const one = async ({ run, count }: (typeof lists)[number]): Promise<void> => {
    const found = await run();
    if (found !== count) throw new Error(`a list of ${found} objects, not ${count}`);
  };
  const startMs = nowMs();
  for (const list of lists) await one(list);
  const betweenMs = nowMs();
  await Promise.all(lists.map(one));
  return { inTurnMs: betweenMs - startMs, atOnceMs: nowMs() - betweenMs };
}

function resultOf(
  { tokens, clusters }: Size,
  backfill: Backfill,
  restarts: readonly Restart[],
  lists: readonly Lists[],
): ScenarioResult {
  const of = (pick: (restart: Restart) => number): number => median(restarts.map(pick));
  const inTurnMs = median(lists.map((list) => list.inTurnMs));
  const atOnceMs = median(lists.map((list) => list.atOnceMs));
  const totalMs = of((restart) => restart.totalMs);
  const workMs = of((restart) => restart.totalMs - restart.importMs);
  const writes = restarts.reduce((sum, restart) => sum + restart.writes, 0);
  const peakMb = Math.max(...restarts.map((restart) => restart.peakRssMb));
  const list = { what: 'the same objects by bare paged lists, in turn', value: inTurnMs };
  const what = `restart, ${tokens} tokens × ${clusters}`;
  return {
    how: [
      `${tokens} tokens synced into each of ${clusters} clusters, operator stopped and started again, ${restarts.length} times; medians. Synced is confirmed when one scrape of /metrics says: all connected, queues empty, all tokens synced (that is, each was compared with what is downstream).`,
      'Process start-up is Node and its imports, from the spawn to the first log line. The bar is judged on the whole time from the spawn, start-up included; the time without it stands beside it.',
      `Yardstick: Users, UserAttributes, Tokens, and of each cluster ClusterAuthTokens, ClusterUserAttributes and Secrets by pages of 500, parsed, over connections that are open already: one list after the other; all at once takes ${atOnceMs.toFixed(0)} ms.`,
      `Writes are counted in the audit logs of all API servers by user agent, until ${LATE_WRITES_MS / 1000} s after Synced. Memory is VmHWM.`,
    ],
    rows: [
      {
        ...{ what: `${what}, from the spawn`, value: totalMs, unit: 'ms' },
        ...atMostTimes(totalMs, MAX_RATIO, list),
      },
      { what: `${what}, without process start-up`, value: workMs, unit: 'ms', yardstick: list },
      { what: 'process start-up', value: of((restart) => restart.importMs), unit: 'ms' },
      { what: 'writes in all restarts', value: writes, unit: 'requests', ...atMost(writes, 0, '') },
      { what: 'reads in a restart', value: of((restart) => restart.reads), unit: 'requests' },
      { what: 'CPU in a restart', value: of((restart) => restart.cpuMs), unit: 'ms' },
      { what: 'CPU of the backfill, start-up included', value: backfill.cpuMs, unit: 'ms' },
      { what: 'event-loop delay, longest, restart', value: of((restart) => restart.loop.maxMs), unit: 'ms' },
      { what: 'peak RSS, backfill', value: backfill.peakRssMb, unit: 'MB' },
      { what: 'peak RSS, restarts', value: peakMb, unit: 'MB' },
    ],
    details: { backfill, restarts, lists },
  };
}
