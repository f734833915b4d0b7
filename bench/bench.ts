import { parseArgs } from 'node:util';
import { fleet } from './fleet/scenario-fleet.ts';
import { describeMachine, tableOf, writeReport } from './report.ts';
import type { Options, Scenario, ScenarioResult } from './scenario.ts';
import { authenticator } from './scenario-authenticator.ts';
import { authenticatorAudit } from './scenario-authenticator-audit.ts';
import { authenticatorMemory } from './scenario-authenticator-memory.ts';
import { authenticatorProfile } from './scenario-authenticator-profile.ts';
import { revocation } from './scenario-authenticator-revocation.ts';
import { authenticatorTiming } from './scenario-authenticator-timing.ts';
import { latency } from './scenario-latency.ts';
import { profile } from './scenario-profile.ts';
import { restart } from './scenario-restart.ts';
import { CASES, throughput } from './scenario-throughput.ts';

/**
 * usage: node bench/bench.ts [SCENARIO …] [--tokens N] [--bcrypt-tokens N] [--rounds N] [--restart-tokens N]
 *                            [--latency-seconds N] [--clusters N,N] [--cases NAME,NAME]
 *                            [--fleet-clusters N,N] [--fleet-tokens N]
 *
 * Exits with 0 also when a bar is missed: a figure is not a test.
 */
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  throughput,
  latency,
  restart,
  authenticator,
  revocation,
  profile,
  fleet,
  'authenticator-audit': authenticatorAudit,
  'authenticator-memory': authenticatorMemory,
  'authenticator-profile': authenticatorProfile,
  'authenticator-timing': authenticatorTiming,
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    tokens: { type: 'string', default: '2000' },
    'bcrypt-tokens': { type: 'string', default: '300' },
    clusters: { type: 'string', default: '1,5' },
    cases: { type: 'string', default: CASES.join(',') },
    rounds: { type: 'string', default: '3' },
    'restart-tokens': { type: 'string', default: '5000' },
    'latency-seconds': { type: 'string', default: '30' },
    'fleet-clusters': { type: 'string', default: '30,100' },
    'fleet-tokens': { type: 'string', default: '20' },
  },
});
const startedAtMs = performance.now();
const options: Options = {
  tokens: Number(values.tokens),
  bcryptTokens: Number(values['bcrypt-tokens']),
  clusters: values.clusters.split(',').map(Number),
  cases: values.cases.split(','),
  rounds: Number(values.rounds),
  restartTokens: Number(values['restart-tokens']),
  latencySeconds: Number(values['latency-seconds']),
  fleetClusters: values['fleet-clusters'].split(',').map(Number),
  fleetTokens: Number(values['fleet-tokens']),
  say: (text) =>
    console.log(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4)} s  ${text}`),
};

const names =
  positionals.length > 0 ? positionals : ['throughput', 'latency', 'restart', 'authenticator', 'revocation'];
const unknown = names.filter((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown.length > 0) {
  console.error(`bench: no scenario ${unknown.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(2);
}

const machine = describeMachine();
const scenarios: Record<string, ScenarioResult> = {};
for (const name of names) {
  options.say(`${name}`);
  const result = await SCENARIOS[name]?.(options);
  if (!result) continue;
  scenarios[name] = result;
  console.log(`\n${tableOf(result.rows)}\n`);
}
const files = writeReport({ date: new Date().toISOString(), machine, scenarios });
const missed = Object.values(scenarios).flatMap(({ rows }) => rows.filter(({ bar }) => bar?.met === false));
for (const { what, bar } of missed) console.log(`bar missed: ${what} (${bar?.text})`);
console.log(`written: ${files.join(', ')}`);
// Sockets of planes that were killed must not keep the process.
process.exit(0);
