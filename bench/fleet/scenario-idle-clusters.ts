import { setTimeout as delay } from 'node:timers/promises';
import { startOperator } from '../../test/support/operator-process.ts';
import { atMost } from '../bars.ts';
import { carriedBy, whenCarried } from '../carried.ts';
import { cpuMs, type Descriptors, descriptors, peakRssMb, rssMb } from '../process-stats.ts';
import type { Options, Row, ScenarioResult } from '../scenario.ts';
import { nowMs } from '../token-watch.ts';
import { type BareConnects, connectBare } from './bare-connects.ts';
import { startFleetWorld } from './fleet-world.ts';

const SETTLE_MS = 10_000;
const REST_MS = 20_000;
const MAX_MB = 0.3;
const MAX_SOCKETS = 2;
/** That many are to be connected in that time. */
const JUDGED = 1_000;
const MAX_CONNECT_S = 20;
/** The bare connects, at a time. */
const CONCURRENCY = 16;

interface Idle {
  readonly clusters: number;
  /** From the spawn until all were connected and compared. */
  readonly connectMs: number;
  readonly connectCpuMs: number;
  readonly bare: BareConnects;
  readonly rssMb: number;
  readonly peakMb: number;
  readonly open: Descriptors;
  /** Of a core, at rest. */
  readonly restPercent: number;
}

/** What a connected cluster costs that has nothing in it. */
export async function idleClusters(options: Options): Promise<ScenarioResult> {
  const measured: Idle[] = [];
  for (const clusters of [1, ...options.idleClusters]) {
    options.say(`${clusters} empty clusters`);
    measured.push(await measure(clusters));
    options.say(JSON.stringify(measured.at(-1)));
  }
  const [first, last] = [measured[0], measured.at(-1)];
  if (!first || !last || first === last) throw new Error('idle-clusters needs one number at least');
  const perCluster = (of: (one: Idle) => number): number =>
    (of(last) - of(first)) / (last.clusters - first.clusters);
  const megabytes = perCluster((one) => one.rssMb);
  const sockets = perCluster(({ open }) => open.sockets);
  const slope = `from 1 to ${last.clusters} clusters`;
  return {
    how: [
      `Clusters without tokens: each is a namespace of one real API server behind a proxy, in the process of the benchmark, that makes it look like a cluster of its own and speaks HTTP/2 and HTTP/1.1, as API servers do. One operator; connected is from its spawn until /metrics says that all are and nothing waits. RSS and descriptors ${SETTLE_MS / 1000} s later, then CPU for ${REST_MS / 1000} s.`,
      `Bare: the requests that go to the clusters, ${CONCURRENCY} clusters at a time, over one connection of HTTP/2 to each, by a process that does nothing else; before the operator starts. Not what the operator asks and writes of each in the management plane.`,
      'MB and sockets a cluster: the slope between one cluster and the largest number.',
    ],
    rows: [
      ...measured.flatMap(rowsOf),
      {
        what: `memory of a cluster, ${slope}`,
        value: megabytes,
        unit: 'MB',
        ...atMost(megabytes, MAX_MB, 'MB'),
      },
      {
        what: `sockets of a cluster, ${slope}`,
        value: sockets,
        unit: '',
        ...atMost(sockets, MAX_SOCKETS, ''),
      },
      {
        ...{
          what: `descriptors of a cluster, ${slope}`,
          value: perCluster(({ open }) => open.all),
          unit: '',
        },
      },
      {
        what: `CPU to connect a cluster, ${slope}`,
        value: perCluster((one) => one.connectCpuMs),
        yardstick: { what: 'bare', value: perCluster(({ bare }) => bare.cpuMs) },
        unit: 'ms',
      },
    ],
    details: { measured },
  };
}

async function measure(clusters: number): Promise<Idle> {
  const { world, fleet, ids, close } = await startFleetWorld({ clusters, tokens: 0, users: 1 });
  try {
    const kubeconfigs = ids.map((id) => fleet.kubeconfig(id));
    const bare = await connectBare({ kubeconfigs, concurrency: CONCURRENCY });
    const spawnedAtMs = nowMs();
    const operator = await startOperator(world.management.plane.adminKubeconfig);
    try {
      await whenCarried(operator, clusters, 0);
      const [connectMs, connectCpuMs] = [nowMs() - spawnedAtMs, cpuMs(operator.pid)];
      await delay(SETTLE_MS);
      const { pid } = operator;
      const memory = { rssMb: rssMb(pid), peakMb: peakRssMb(pid), open: descriptors(pid) };
      const cpuBefore = cpuMs(pid);
      await delay(REST_MS);
      const restPercent = (100 * (cpuMs(pid) - cpuBefore)) / REST_MS;
      const { connected } = await carriedBy([operator]);
      if (connected !== clusters)
        throw new Error(`only ${connected} of ${clusters} clusters stayed connected`);
      return { clusters, connectMs, connectCpuMs, bare, restPercent, ...memory };
    } finally {
      await operator.stop();
    }
  } finally {
    await close();
  }
}

function rowsOf(one: Idle): readonly Row[] {
  const what = `${one.clusters} empty cluster${one.clusters === 1 ? '' : 's'}`;
  const seconds = one.connectMs / 1000;
  return [
    {
      ...{ what: `${what}: all connected after`, value: seconds, unit: 's' },
      yardstick: { what: 'bare', value: one.bare.connectMs / 1000 },
      ...(one.clusters === JUDGED ? atMost(seconds, MAX_CONNECT_S, 's') : {}),
    },
    { what: `${what}: CPU of that, start-up included`, value: one.connectCpuMs / 1000, unit: 's' },
    { what: `${what}: RSS`, value: one.rssMb, unit: 'MB' },
    { what: `${what}: peak RSS`, value: one.peakMb, unit: 'MB' },
    { what: `${what}: descriptors, sockets and all`, value: one.open.all, unit: '' },
    { what: `${what}: sockets`, value: one.open.sockets, unit: '' },
    { what: `${what}: CPU at rest`, value: one.restPercent, unit: '% of a core' },
  ];
}
