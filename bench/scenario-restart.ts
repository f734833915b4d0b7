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
import type { AuditLine } from '../test/support/audit.ts';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { type BenchWorld, startBenchWorld } from './bench-world.ts';
import { NAMESPACE } from './objects.ts';
import { cpuMs, type LoopDelay, loopDelay, loopDelayIn, peakRssMb, worst } from './process-stats.ts';
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
  /** What was written, as verb and object. */
  readonly written: readonly string[];
}

const TOKENS_PER_USER = 20;
const MAX_RATIO = 5;
const MAX_RSS_MB = 300;
const LISTS = 5;
const TIMEOUT_MS = 60_000;
/** Metrics are made anew ten times at once and then once a second, whoever asks how often: asking starts when there is something to see. */
const POLL_MS = 100;
/** Longer than the status writer keeps a guess back: a late write must be counted too. */
const LATE_WRITES_MS = 8_000;
const CLUSTER = 'c-0';

/** A restart with everything in order: how long, how many writes, how much memory. */
export async function restart(options: Options): Promise<ScenarioResult> {
  const bench = await startBenchWorld(1, { audit: true });
  const count = options.restartTokens;
  try {
    const { world, ids } = bench;
    const users = Math.ceil(count / TOKENS_PER_USER);
    await createUsers(world, users);
    options.say(`creating ${count} tokens upstream`);
    await createTokens(world, { count, kind: 'hashed', prefix: 'kept', clusters: ids, users });
    for (const id of ids) await world.register(id);
    const operator = await world.startOperator();
    await bench.watch.whenCount(NAMESPACE, count);
    await world.waitSynced(CLUSTER, `${count}/${count}`);
    const backfill = {
      peakRssMb: peakRssMb(operator.pid),
      cpuMs: cpuMs(operator.pid),
      loop: await loopDelay(operator),
    };
    await world.stopOperator();
    const lists: Lists[] = [];
    const restarts: Restart[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      for (let list = 0; list < LISTS; list += 1) lists.push(await pagedLists(bench, users, count));
      options.say(`restart ${round}`);
      restarts.push(await measureRestart(bench, count));
    }
    return resultOf(count, backfill, restarts, lists);
  } finally {
    await bench.close();
  }
}

async function measureRestart(bench: BenchWorld, count: number): Promise<Restart> {
  const { world } = bench;
  const before = (await auditOfOperator(bench)).map(({ length }) => length);
  const spawnedAtMs = nowMs();
  const operator = await world.startOperator();
  const loop = await whenSynced(operator, count);
  const syncedAtMs = nowMs();
  const cpu = cpuMs(operator.pid);
  await delay(LATE_WRITES_MS);
  const lines = (await auditOfOperator(bench)).flatMap((log, plane) => log.slice(before[plane]));
  const writes = lines.filter(({ verb }) => !['get', 'list', 'watch'].includes(verb));
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
      ({ verb, resource, subresource, name }) => `${verb} ${resource} ${name} ${subresource}`,
    ),
  };
}

/** Scrapes until one says: connected, nothing waiting, all tokens synced. @returns how late the loop was meanwhile */
async function whenSynced(operator: OperatorProcess, count: number): Promise<LoopDelay> {
  const wanted = [
    `ace_cluster_connected{ace_cluster="${CLUSTER}"} 1`,
    `ace_workqueue_depth{ace_cluster="${CLUSTER}"} 0`,
    `ace_tokens{ace_cluster="${CLUSTER}",state="synced"} ${count}`,
  ];
  const deadlineMs = nowMs() + TIMEOUT_MS;
  const loops: LoopDelay[] = [];
  const isConnected = (): boolean => operator.logs().some(({ message }) => message === 'cluster connected');
  while (!isConnected() && nowMs() < deadlineMs) await delay(10);
  for (;;) {
    const { body } = await operator.http('/metrics');
    loops.push(loopDelayIn(body));
    const lines = new Set(body.split('\n'));
    const missing = wanted.filter((line) => !lines.has(line));
    if (missing.length === 0) return worst(loops);
    if (nowMs() > deadlineMs) throw new Error(`not synced after ${TIMEOUT_MS} ms: ${missing.join(', ')}`);
    await delay(POLL_MS);
  }
}

function firstLogLineAtMs(operator: OperatorProcess): number {
  const line = operator.logs().find(({ message }) => message === 'ace-operator starting');
  return Date.parse(String(line?.['timestamp'] ?? line?.['time']));
}

/** The operator's requests so far, by plane: new lines come at the end of each. */
async function auditOfOperator({ world }: BenchWorld): Promise<readonly (readonly AuditLine[])[]> {
  const planes = [world.management.plane, world.cluster(CLUSTER).plane];
  const logs = await Promise.all(planes.map((plane) => plane.auditLines()));
  return logs.map((lines) => lines.filter(({ userAgent }) => userAgent.startsWith(FIELD_MANAGER)));
}

interface Lists {
  readonly inTurnMs: number;
  readonly atOnceMs: number;
}

/** The same objects, read by bare paged lists. */
async function pagedLists(
  { management, clusters }: BenchWorld,
  users: number,
  tokens: number,
): Promise<Lists> {
  const [cluster] = clusters;
  if (!cluster) throw new Error('no cluster');
  const ours = `${LABEL_MANAGED_BY}=${FIELD_MANAGER}`;
  const lists = [
    { run: () => management.countByPages(USERS), count: users },
    { run: () => management.countByPages(USER_ATTRIBUTES), count: users },
    { run: () => management.countByPages(TOKENS), count: tokens },
    { run: () => cluster.bare.countByPages(CLUSTER_AUTH_TOKENS, NAMESPACE), count: tokens },
    { run: () => cluster.bare.countByPages(CLUSTER_USER_ATTRIBUTES, NAMESPACE), count: users },
    { run: () => cluster.bare.countByPages(SECRETS, NAMESPACE, ours), count: tokens },
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
  count: number,
  backfill: { peakRssMb: number; cpuMs: number; loop: LoopDelay },
  restarts: readonly Restart[],
  lists: readonly Lists[],
): ScenarioResult {
  const of = (pick: (restart: Restart) => number): number => median(restarts.map(pick));
  const inTurnMs = median(lists.map((list) => list.inTurnMs));
  const atOnceMs = median(lists.map((list) => list.atOnceMs));
  const totalMs = of((restart) => restart.totalMs);
  const workMs = of((restart) => restart.totalMs - restart.importMs);
  const writes = restarts.reduce((sum, restart) => sum + restart.writes, 0);
  const peakMb = Math.max(backfill.peakRssMb, ...restarts.map((restart) => restart.peakRssMb));
  const list = { what: 'the same objects by bare paged lists, in turn', value: inTurnMs };
  const bar = (met: boolean) => ({ text: `≤ ${MAX_RATIO} × the bare lists`, met });
  return {
    how: [
      `${count} tokens synced into one cluster, operator stopped and started again, ${restarts.length} times; medians. Synced is confirmed when one scrape of /metrics says: connected, queue empty, ${count} tokens synced (that is, each was compared with what is downstream).`,
      'Process start-up is Node and its imports, from the spawn to the first log line. The bar is judged on the whole time from the spawn, start-up included; the time without it stands beside it.',
      `Yardstick: Users, UserAttributes, Tokens, ClusterAuthTokens, ClusterUserAttributes and Secrets by pages of 500, parsed, over connections that are open already: one kind after the other; all at once takes ${atOnceMs.toFixed(0)} ms.`,
      `Writes are counted in the audit logs of both API servers by user agent, until ${LATE_WRITES_MS / 1000} s after Synced. Memory is VmHWM.`,
    ],
    rows: [
      {
        what: 'restart, from the spawn',
        value: totalMs,
        unit: 'ms',
        yardstick: list,
        bar: bar(totalMs <= MAX_RATIO * inTurnMs),
      },
      { what: 'restart, without process start-up', value: workMs, unit: 'ms', yardstick: list },
      { what: 'process start-up', value: of((restart) => restart.importMs), unit: 'ms' },
      {
        what: 'writes in all restarts',
        value: writes,
        unit: 'requests',
        bar: { text: '0', met: writes === 0 },
      },
      { what: 'reads in a restart', value: of((restart) => restart.reads), unit: 'requests' },
      { what: 'CPU in a restart', value: of((restart) => restart.cpuMs), unit: 'ms' },
      { what: 'CPU of the backfill, start-up included', value: backfill.cpuMs, unit: 'ms' },
      { what: 'event-loop delay, longest, restart', value: of((restart) => restart.loop.maxMs), unit: 'ms' },
      { what: 'peak RSS, backfill', value: backfill.peakRssMb, unit: 'MB' },
      {
        what: 'peak RSS, backfill and restarts',
        value: peakMb,
        unit: 'MB',
        bar: { text: `< ${MAX_RSS_MB} MB`, met: peakMb < MAX_RSS_MB },
      },
    ],
    details: { backfill, restarts, lists },
  };
}
