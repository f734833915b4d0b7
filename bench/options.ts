import { parseArgs } from 'node:util';
import { GROWTH } from './growth-sizes.ts';
import type { Options } from './scenario.ts';
import { CASES } from './throughput-case.ts';

const DEFAULTS = {
  tokens: '3000',
  clusters: '1,5,10',
  cases: CASES.filter((name) => name !== 'bcrypt').join(','),
  'bcrypt-tokens': '300',
  rounds: '2',
  'delay-tokens': '2000',
  'round-trip-ms': '50',
  'latency-seconds': '15',
  'latency-per-second': '50',
  queued: '10000',
  'offboarding-tokens': '10000',
  'offboarding-clusters': '5',
  'restart-tokens': '5000',
  'restart-clusters': '5',
  'steady-tokens': '2000',
  'steady-clusters': '5',
  'steady-seconds': '60',
  'idle-clusters': '1000',
  'memory-tokens': '10000,20000',
  growth: Object.keys(GROWTH).join(','),
  'growth-factors': '1,3,10',
  'fleet-clusters': '30,100',
  'fleet-tokens': '20',
  'fleet-lease-seconds': '5',
  peer: '',
} as const;

type Name = keyof typeof DEFAULTS;

/** @throws {TypeError} for an option that does not exist */
export function readOptions(args: readonly string[]): {
  readonly scenarios: readonly string[];
  readonly options: Omit<Options, 'say'>;
} {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: Object.fromEntries(
      Object.entries(DEFAULTS).map(([name, value]) => [name, { type: 'string', default: value } as const]),
    ),
  });
  const text = (name: Name): string => String(values[name]);
  const number = (name: Name): number => Number(text(name));
  const texts = (name: Name): readonly string[] => text(name).split(',');
  const numbers = (name: Name): readonly number[] => texts(name).map(Number);
  return {
    scenarios: positionals,
    options: {
      tokens: number('tokens'),
      clusters: numbers('clusters'),
      cases: texts('cases'),
      bcryptTokens: number('bcrypt-tokens'),
      rounds: number('rounds'),
      delayTokens: number('delay-tokens'),
      roundTripMs: number('round-trip-ms'),
      latencySeconds: number('latency-seconds'),
      latencyPerSecond: number('latency-per-second'),
      queued: number('queued'),
      offboardingTokens: number('offboarding-tokens'),
      offboardingClusters: number('offboarding-clusters'),
      restartTokens: number('restart-tokens'),
      restartClusters: number('restart-clusters'),
      steadyTokens: number('steady-tokens'),
      steadyClusters: number('steady-clusters'),
      steadySeconds: number('steady-seconds'),
      idleClusters: numbers('idle-clusters'),
      memoryTokens: numbers('memory-tokens'),
      growth: texts('growth'),
      growthFactors: numbers('growth-factors'),
      fleetClusters: numbers('fleet-clusters'),
      fleetTokens: number('fleet-tokens'),
      fleetLeaseSeconds: number('fleet-lease-seconds'),
      peer: text('peer'),
    },
  };
}
