import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTER_USER_ATTRIBUTES, USERS } from '../../src/api/names.ts';
import type { OperatorProcess } from '../../test/support/operator-process.ts';
import { carriedBy } from '../carried.ts';
import { type Plot, writePlots } from '../plot.ts';
import { cpuMs, peakRssMb } from '../process-stats.ts';
import type { Options, Row, ScenarioResult } from '../scenario.ts';
import { nowMs } from '../token-watch.ts';
import { userName } from '../upstream.ts';
import { type FleetWorld, startFleetWorld, startReplicas } from './fleet-world.ts';

/** What came of one division of one fleet. */
interface Division {
  readonly replicas: number;
  readonly clusters: number;
  readonly tokens: number;
  /** From the spawn of the replicas until all clusters were connected and had all tokens, with nothing there before. */
  readonly fillMs: number;
  /** The same with everything there: a restart of all replicas. */
  readonly connectMs: number;
  readonly writesOfConnect: number;
  /** Of each replica. */
  readonly peakRssMb: readonly number[];
  readonly cpuMs: readonly number[];
  /** From the disabling of a user until every cluster refused her. */
  readonly revokeMs: number;
  /** From SIGKILL of one replica until all clusters were connected again. */
  readonly failoverMs: number;
  /** Clusters that were without their connection meanwhile. */
  readonly orphans: number;
}

/** 15, 10 and 2 seconds by default, 5, 3 and 1 as the shortest that are of use. */
const leaseFlags = (seconds: number): readonly string[] => [
  `--leader-elect-lease-duration=${seconds}s`,
  `--leader-elect-renew-deadline=${Math.round((seconds * 2) / 3)}s`,
  `--leader-elect-retry-period=${Math.max(1, Math.round(seconds / 7))}s`,
];
const TIMEOUT_MS = 600_000;
const POLL_MS = 100;
/** Prime to numbers of clusters that are tried: each user has tokens in each cluster. */
const USER_COUNT = 7;

/** How a fleet is carried by one leader with a stand-by, and by two and three replicas with shards. */
export async function fleet(options: Options): Promise<ScenarioResult> {
  const divisions: Division[] = [];
  for (const clusters of options.fleetClusters) {
    for (const replicas of [1, 2, 3]) {
      options.say(`${clusters} clusters of ${options.fleetTokens} tokens, ${replicas} replicas`);
      divisions.push(await measure(clusters, replicas, options));
      options.say(JSON.stringify(divisions.at(-1)));
    }
  }
  plotDivisions(divisions);
  return {
    how: [
      `Each cluster is a namespace of one real API server behind a proxy that makes it look like a cluster of its own; ${options.fleetTokens} tokens each, stored hashed, of ${USER_COUNT} users. Everything, API servers and proxy included, on this machine: what is divided over replicas shares its cores here.`,
      `One replica is a leader with one stand-by (--shards=0); two and three share 64 shards. Leases of ${options.fleetLeaseSeconds} s.`,
      'Filled: from the spawn until each cluster is connected and all tokens are synced, by /metrics of the replicas. Connected: the same after a restart of all, with everything there. Fail-over: from SIGKILL of the leader, or of one member, until all are connected again.',
    ],
    rows: divisions.flatMap(rowsOf),
    details: divisions,
  };
}

async function measure(
  clusters: number,
  replicas: number,
  { fleetTokens: tokens, fleetLeaseSeconds }: Options,
): Promise<Division> {
  const world = await startFleetWorld({ clusters, tokens, users: USER_COUNT });
  const flags = [...leaseFlags(fleetLeaseSeconds), ...(replicas === 1 ? [] : ['--shards=64'])];
  // A single leader has somebody to take over.
  const count = replicas === 1 ? 2 : replicas;
  try {
    const fillFromMs = nowMs();
    const first = await startReplicas(world, count, flags);
    await whenCarried(first, clusters, clusters * tokens);
    const fillMs = nowMs() - fillFromMs;
    await Promise.all(first.map((one) => one.stop()));
    const before = world.writes();
    const connectFromMs = nowMs();
    const second = await startReplicas(world, count, flags);
    await whenCarried(second, clusters, clusters * tokens);
    const connectMs = nowMs() - connectFromMs;
    await delay(3_000);
    const writesOfConnect = world.writes() - before;
    const revokeMs = await revoke(world, clusters);
    const peaks = second.map(({ pid }) => peakRssMb(pid));
    const cpus = second.map(({ pid }) => cpuMs(pid));
    const { failoverMs, orphans } = await failOver(second, clusters);
    await Promise.all(second.map((one) => one.stop()));
    return {
      ...{ replicas, clusters, tokens, fillMs, connectMs, writesOfConnect, revokeMs, failoverMs, orphans },
      ...{ peakRssMb: peaks, cpuMs: cpus },
    };
  } finally {
    await world.close();
  }
}

async function whenCarried(
  replicas: readonly OperatorProcess[],
  clusters: number,
  tokens: number,
): Promise<void> {
  await until(async () => {
    const { connected, synced } = await carriedBy(replicas);
    return connected === clusters && synced === tokens;
  });
}

/** Disables a user who has tokens in every cluster. */
async function revoke({ world, downstream, ids }: FleetWorld, clusters: number): Promise<number> {
  const fromMs = nowMs();
  await world.management.patch(USERS, userName(0), { enabled: false });
  await until(async () => {
    const attributes = await downstream.list(CLUSTER_USER_ATTRIBUTES);
    const refused = attributes.filter(
      ({ metadata, enabled }) => metadata.name === userName(0) && enabled === false,
    );
    return refused.length === new Set(attributes.map(({ metadata }) => metadata.namespace)).size;
  });
  if (ids.length !== clusters) throw new Error('a cluster is missing');
  return nowMs() - fromMs;
}

async function failOver(
  replicas: readonly OperatorProcess[],
  clusters: number,
): Promise<{ failoverMs: number; orphans: number }> {
  const counts = await Promise.all(replicas.map(async (one) => (await carriedBy([one])).connected));
  const busiest = counts.indexOf(Math.max(...counts));
  const survivors = replicas.filter((_, index) => index !== busiest);
  const fromMs = nowMs();
  replicas[busiest]?.kill('SIGKILL');
  await until(async () => (await carriedBy(survivors)).connected === clusters);
  return { failoverMs: nowMs() - fromMs, orphans: counts[busiest] ?? 0 };
}

async function until(isSo: () => Promise<boolean>): Promise<void> {
  const deadlineMs = nowMs() + TIMEOUT_MS;
  while (!(await isSo())) {
    if (nowMs() > deadlineMs) throw new Error(`not so after ${TIMEOUT_MS} ms`);
    await delay(POLL_MS);
  }
}

function rowsOf(one: Division): readonly Row[] {
  const what = `${one.clusters} clusters, ${one.replicas === 1 ? 'one leader' : `${one.replicas} replicas`}`;
  const peak = Math.max(...one.peakRssMb);
  return [
    { what: `${what}: filled`, value: one.fillMs / 1_000, unit: 's' },
    { what: `${what}: connected after a restart`, value: one.connectMs / 1_000, unit: 's' },
    {
      ...{ what: `${what}: writes by that`, value: one.writesOfConnect, unit: 'requests' },
      bar: { text: '0', met: one.writesOfConnect === 0 },
    },
    { what: `${what}: peak RSS of the largest replica`, value: peak, unit: 'MB' },
    { what: `${what}: a user refused everywhere`, value: one.revokeMs, unit: 'ms' },
    { what: `${what}: fail-over`, value: one.failoverMs / 1_000, unit: 's' },
    {
      ...{ what: `${what}: clusters that moved`, value: (100 * one.orphans) / one.clusters, unit: '%' },
      ...(one.replicas === 3 ? { bar: { text: '≤ 40 %', met: one.orphans <= 0.4 * one.clusters } } : {}),
    },
  ];
}

function plotDivisions(divisions: readonly Division[]): void {
  const plot = (title: string, y: string, of: (one: Division) => number): Plot => ({
    ...{ title, x: 'clusters', y },
    series: [1, 2, 3].map((replicas) => ({
      name: replicas === 1 ? 'one leader' : `${replicas} replicas`,
      points: divisions
        .filter((one) => one.replicas === replicas)
        .map((one) => [one.clusters, of(one)] as const),
    })),
  });
  writePlots({
    'fleet-memory': plot('Memory of the largest replica', 'MB', (one) => Math.max(...one.peakRssMb)),
    'fleet-connect': plot(
      'All connected and compared after a restart',
      'seconds',
      (one) => one.connectMs / 1_000,
    ),
    'fleet-failover': plot('Fail-over after SIGKILL', 'seconds', (one) => one.failoverMs / 1_000),
    'fleet-revocation': plot('A user refused in every cluster', 'ms', (one) => one.revokeMs),
  });
}
