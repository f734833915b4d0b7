import type { ServiceProcess } from '../test/support/service-process.ts';
import { cpuMs, loopDelay, peakRssMb, rssMb } from './process-stats.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import type { Population } from './scenario-authenticator-cluster.ts';
import type { LoadPlan, LoadResult } from './scenario-authenticator-load.ts';
import {
  isPinned,
  load,
  portOf,
  requireOnly,
  startBare,
  startFilled,
  unpin,
} from './scenario-authenticator-process.ts';
import { median } from './stats.ts';

const CONNECTIONS = 50;
const SECONDS = 4;
const WARM_UP_SECONDS = 2;
const SLOW = 100;
const COLD_PER_ROUND = 10_000;
const WARM = 1_000;
const TOTAL = 50_000;
const WARM_RATIO = 0.7;
const MAX_LOOP_DELAY_MS = 20;
const MAX_RSS_MB = 160;
const FAST: Population = { sha3: TOTAL, bcrypt: 0, scrypt: 0 };
const MIXED: Population = { sha3: WARM, bcrypt: SLOW, scrypt: SLOW };

/** One run of a load, and what it cost the server. */
interface Measured extends LoadResult {
  readonly perSecond: number;
  /** CPU time of the server, all its threads; other load on the machine disturbs it less than the rate. */
  readonly cpuUsPerRequest: number;
}

/** What the authenticator answers in a second, beside a server that only parses; its memory, and its event loop. */
export async function authenticator(options: Options): Promise<ScenarioResult> {
  options.say(`starting with ${TOTAL} tokens`);
  const service = await startFilled(FAST);
  const bare = await startBare();
  const memory = { beforeMb: rssMb(service.pid), afterMb: 0, peakMb: 0 };
  let fast: FastRuns;
  try {
    fast = await fastRuns(options, { pid: service.pid, port: portOf(service) }, bare);
    memory.afterMb = rssMb(service.pid);
    memory.peakMb = peakRssMb(service.pid);
  } finally {
    bare.stop();
    await service.stop();
  }
  options.say(`hashing ${2 * SLOW} secrets slowly`);
  const mixed = await startFilled(MIXED);
  try {
    const target = { pid: mixed.pid, port: portOf(mixed) };
    const unknown = await measure(target, { ...MANY, bearers: 'unknown' });
    requireOnly('unknown', unknown, EXPECTED.unknown);
    unpin(mixed.pid);
    const bcrypt = await slowRun(options, mixed, 'bcrypt');
    return resultOf({
      fast,
      memory,
      unknown,
      slow: { bcrypt, scrypt: await slowRun(options, mixed, 'scrypt') },
    });
  } finally {
    await mixed.stop();
  }
}

interface Target {
  readonly pid: number;
  readonly port: number;
}

async function measure(
  { pid, port }: Target,
  plan: Omit<LoadPlan, 'port' | 'connections'>,
): Promise<Measured> {
  const before = cpuMs(pid);
  const result = await load({ ...plan, port, connections: CONNECTIONS });
  const cpuUsPerRequest = ((cpuMs(pid) - before) * 1000) / result.requests;
  return { ...result, perSecond: result.requests / result.seconds, cpuUsPerRequest };
}

const EXPECTED = {
  bare: '200 accepted',
  warm: '200 accepted',
  'sha3 cold': '200 accepted',
  unknown: '200 UnknownToken',
  foreign: '200',
} as const;
/** Each once, as long as it lasts. */
const MANY = { first: 0, count: 1_000_000, seconds: SECONDS } as const;
type FastCase = keyof typeof EXPECTED;
type FastRuns = Readonly<Record<FastCase, readonly Measured[]>>;

/** In turns, so that what else goes on in the machine hits all of them alike. */
async function fastRuns(options: Options, service: Target, bare: Target): Promise<FastRuns> {
  const warm = { bearers: 'ours', first: 0, count: WARM, seconds: SECONDS } as const;
  const cases: Record<FastCase, (round: number) => Promise<Measured>> = {
    bare: () => measure(bare, warm),
    warm: () => measure(service, warm),
    unknown: () => measure(service, { ...MANY, bearers: 'unknown' }),
    foreign: () => measure(service, { ...MANY, bearers: 'foreign' }),
    'sha3 cold': (round) =>
      measure(service, { bearers: 'ours', first: WARM + round * COLD_PER_ROUND, count: COLD_PER_ROUND }),
  };
  for (const target of [bare, service]) await measure(target, { ...warm, seconds: WARM_UP_SECONDS });
  const fast: Record<FastCase, Measured[]> = {
    bare: [],
    warm: [],
    'sha3 cold': [],
    unknown: [],
    foreign: [],
  };
  const rounds = Math.min(options.rounds, Math.floor((FAST.sha3 - WARM) / COLD_PER_ROUND));
  for (let round = 0; round < rounds; round += 1) {
    for (const [name, run] of Object.entries(cases) as [FastCase, (round: number) => Promise<Measured>][]) {
      const measured = await run(round);
      requireOnly(name, measured, EXPECTED[name]);
      fast[name].push(measured);
    }
    options.say(`round ${round + 1}: ${round_(fast.warm.at(-1))} warm, ${round_(fast.bare.at(-1))} bare`);
  }
  return fast;
}

const round_ = (measured: Measured | undefined): string => `${Math.round(measured?.perSecond ?? 0)}/s`;

interface SlowRun extends Measured {
  readonly loopP99Ms: number;
  readonly loopMaxMs: number;
  /** Warm tokens, asked beside it. */
  readonly beside: LoadResult;
}

/** Slow by design, in two threads: the server may use every core. Warm tokens are asked for beside the second half. */
async function slowRun(
  options: Options,
  service: ServiceProcess,
  what: 'bcrypt' | 'scrypt',
): Promise<SlowRun> {
  options.say(`${SLOW} ${what} tokens, cold`);
  const target = { pid: service.pid, port: portOf(service) };
  const first = MIXED.sha3 + (what === 'bcrypt' ? 0 : MIXED.bcrypt);
  const half = SLOW / 2;
  await loopDelay(service);
  const cold = await measure(target, { bearers: 'ours', first, count: half });
  const { p99Ms, maxMs } = await loopDelay(service);
  const warm = { bearers: 'ours', first: 0, count: WARM, seconds: SECONDS } as const;
  const [rest, beside] = await Promise.all([
    measure(target, { bearers: 'ours', first: first + half, count: half }),
    load({ ...warm, port: target.port, connections: 1 }),
  ]);
  for (const result of [cold, rest, beside]) requireOnly(what, result, '200 accepted');
  return { ...cold, loopP99Ms: p99Ms, loopMaxMs: maxMs, beside };
}

interface Everything {
  readonly fast: FastRuns;
  readonly slow: Readonly<Record<'bcrypt' | 'scrypt', SlowRun>>;
  readonly memory: { readonly beforeMb: number; readonly afterMb: number; readonly peakMb: number };
  /** Where slow hashes are in use, and time is spent on some of the unknown. */
  readonly unknown: Measured;
}

function resultOf(all: Everything): ScenarioResult {
  const { fast, slow, memory } = all;
  const rate = (name: FastCase): number => median(fast[name].map(({ perSecond }) => perSecond));
  const rows = (['warm', 'unknown', 'foreign', 'sha3 cold'] as const).flatMap((name) => [
    { ...rateRow(name, rate(name), rate('bare')), ...barOf(name, rate) },
    {
      what: `${name}, p99`,
      value: median(fast[name].map(p99)),
      unit: 'ms',
      ...bareOf(median(fast.bare.map(p99))),
    },
    { what: `${name}, CPU`, value: cpuOf(fast[name]), unit: 'µs a request', ...bareOf(cpuOf(fast.bare)) },
  ]);
  return {
    how: [
      `${CONNECTIONS} connections, closed loop, ${isPinned ? 'server and load each pinned to a core of its own' : 'nothing pinned'}; ${TOTAL} tokens of ${TOTAL / 10} users in memory, listed from a stand-in for the API server; environment of the DaemonSet. Medians of ${fast.warm.length} rounds of ${SECONDS} s, the cases in turns.`,
      `warm: ${WARM} tokens over and over. unknown: names that do not exist, each once. foreign: JWTs of 0.9 KB, each once. cold: each token once, ${COLD_PER_ROUND} a round; bcrypt and scrypt ${SLOW / 2} each, two threads, all cores.`,
      'Yardstick: a bare node:http server that parses the same JSON and answers 200. CPU is that of the whole process; the generator was busy for at most ' +
        `${Math.round(100 * Math.max(...Object.values(fast).flatMap((runs) => runs.map(({ busy }) => busy))))} % of its core.`,
    ],
    rows: [
      ...rows,
      ...(['bcrypt', 'scrypt'] as const).flatMap((name) => slowRows(name, slow[name])),
      {
        what: 'unknown, where slow hashes are in use',
        value: Math.round(all.unknown.perSecond),
        unit: 'requests/s',
      },
      { what: `resident with ${TOTAL} tokens, before load`, value: memory.beforeMb, unit: 'MB' },
      {
        what: `resident with ${TOTAL} tokens, peak (VmHWM)`,
        value: memory.peakMb,
        unit: 'MB',
        bar: { text: `≤ ${MAX_RSS_MB} MB`, met: memory.peakMb <= MAX_RSS_MB },
      },
      { what: `resident with ${TOTAL} tokens, after load`, value: memory.afterMb, unit: 'MB' },
    ],
    details: all,
  };
}

const p99 = ({ latenciesMs }: Measured): number => latenciesMs.p99;
const cpuOf = (runs: readonly Measured[]): number =>
  median(runs.map(({ cpuUsPerRequest }) => cpuUsPerRequest));
const bareOf = (value: number): Pick<Row, 'yardstick'> => ({ yardstick: { what: 'bare node:http', value } });

function rateRow(name: string, value: number, bare: number): Row {
  return { what: name, value: Math.round(value), unit: 'requests/s', ...bareOf(Math.round(bare)) };
}

function barOf(name: FastCase, rate: (name: FastCase) => number): Pick<Row, 'bar'> {
  if (name === 'warm') {
    return { bar: { text: `≥ ${WARM_RATIO} × bare`, met: rate('warm') >= WARM_RATIO * rate('bare') } };
  }
  if (name === 'sha3 cold') return {};
  return { bar: { text: '≥ warm', met: rate(name) >= rate('warm') } };
}

function slowRows(name: string, run: SlowRun): readonly Row[] {
  const bar = { text: `< ${MAX_LOOP_DELAY_MS} ms`, met: run.loopP99Ms < MAX_LOOP_DELAY_MS };
  return [
    { what: `${name} cold`, value: run.perSecond, unit: 'requests/s' },
    { what: `${name} cold, event-loop delay p99`, value: run.loopP99Ms, unit: 'ms', bar },
    { what: `${name} cold, event-loop delay max`, value: run.loopMaxMs, unit: 'ms' },
    { what: `warm beside ${name} cold, p99`, value: run.beside.latenciesMs.p99, unit: 'ms' },
  ];
}
