import { atLeastTimes, atMost } from './bars.ts';
import type { RawRound } from './raw-rounds.ts';
import type { Row } from './scenario.ts';
import { median } from './stats.ts';
import type { CaseResult, OperatorRound } from './throughput-case.ts';

const ONE_CLUSTER_RATIO = 0.95;
const SEVERAL_CLUSTERS_RATIO = 0.9;
const DRAIN_RATIO = 0.9;
const MAX_LOOP_DELAY_MS = 20;
const MAX_CPU_MS = 0.45;
const MAX_SPREAD = 1.3;

export interface RowOptions {
  readonly bcryptBound?: number;
  /** Behind the title. */
  readonly suffix?: string;
  /** Of the raw writer, in place of what is asked of a cluster that is near. */
  readonly ratio?: number;
}

/** The lines of one case. */
export function rowsOf(result: CaseResult, options: RowOptions = {}): readonly Row[] {
  const { name, clusters, tokens, operator, raw, trials } = result;
  const { bcryptBound = Number.NaN, suffix = '' } = options;
  const title = `${name}, ${tokens} tokens into ${clusters}${suffix}`;
  const of = (pick: (round: OperatorRound) => number): number => median(operator.map(pick));
  const ofRaw = (pick: (round: RawRound) => number): number => median(raw.map(pick));
  const writer = `raw writer, ${trials[0]?.concurrency} pairs at a time`;
  const ratio = options.ratio ?? (clusters === 1 ? ONE_CLUSTER_RATIO : SEVERAL_CLUSTERS_RATIO);
  const steady = of(({ steadyPerSecond }) => steadyPerSecond);
  const drain = of(({ drainPerSecond }) => drainPerSecond);
  const [p99, longest] = [worst(operator, 'p99Ms'), worst(operator, 'maxMs')];
  const cpu = of(({ steadyCpuMsPerToken }) => steadyCpuMsPerToken);
  const isBcrypt = name === 'bcrypt';
  return [
    {
      ...{ what: `${title}, once connected`, value: steady, unit: 'tokens/s' },
      ...(isBcrypt
        ? { yardstick: { what: 'bcryptjs alone, two threads', value: bcryptBound } }
        : atLeastTimes(steady, ratio, { what: writer, value: ofRaw((round) => round.steadyPerSecond) })),
    },
    {
      ...{ what: `${title}, from ACE on`, value: of((round) => round.tokensPerSecond), unit: 'tokens/s' },
      yardstick: { what: writer, value: ofRaw((round) => round.tokensPerSecond) },
    },
    { what: `${title}: connect and prepare`, value: of(({ connectMs }) => connectMs), unit: 'ms' },
    {
      ...{ what: `${title}: CPU of the operator, once connected`, value: cpu, unit: 'ms/token' },
      yardstick: { what: 'raw writer', value: ofRaw(({ cpuMsPerToken }) => cpuMsPerToken) },
      ...(isBcrypt ? {} : atMost(cpu, MAX_CPU_MS, 'ms')),
    },
    {
      ...{ what: `${title}: CPU of the operator, from ACE on`, value: of((round) => round.cpuMsPerToken) },
      unit: 'ms/token',
    },
    {
      ...{ what: `${title}: event-loop delay p99`, value: p99, unit: 'ms' },
      ...atMost(p99, MAX_LOOP_DELAY_MS, 'ms'),
    },
    { what: `${title}: event-loop delay, longest`, value: longest, unit: 'ms' },
    ...(clusters > 1
      ? [
          spreadRow(
            title,
            of(({ spread }) => spread),
            ofRaw(({ spread }) => spread),
          ),
        ]
      : []),
    {
      ...{ what: `${title}: drained again (ACE off)`, value: drain, unit: 'tokens/s' },
      ...atLeastTimes(drain, DRAIN_RATIO, {
        what: 'bare deletes',
        value: ofRaw(({ deletedPerSecond }) => deletedPerSecond),
      }),
    },
  ];
}

function worst(rounds: readonly OperatorRound[], which: keyof OperatorRound['loop']): number {
  return Math.max(...rounds.map(({ loop }) => loop[which]));
}

function spreadRow(title: string, spread: number, rawSpread: number): Row {
  return {
    ...{ what: `${title}: slowest cluster`, value: spread, unit: '× the median' },
    yardstick: { what: 'raw writer', value: rawSpread },
    ...atMost(spread, MAX_SPREAD, '× the median'),
  };
}
