import { fleet } from './fleet/scenario-fleet.ts';
import { idleClusters } from './fleet/scenario-idle-clusters.ts';
import { readOptions } from './options.ts';
import { describeMachine, tableOf, writeReport } from './report.ts';
import type { Options, Scenario, ScenarioResult } from './scenario.ts';
import { authenticator } from './scenario-authenticator.ts';
import { authenticatorAudit } from './scenario-authenticator-audit.ts';
import { authenticatorMemory } from './scenario-authenticator-memory.ts';
import { authenticatorPeer } from './scenario-authenticator-peer.ts';
import { authenticatorProfile } from './scenario-authenticator-profile.ts';
import { revocation } from './scenario-authenticator-revocation.ts';
import { authenticatorTiming } from './scenario-authenticator-timing.ts';
import { cli } from './scenario-cli.ts';
import { growth } from './scenario-growth.ts';
import { latency } from './scenario-latency.ts';
import { memory } from './scenario-memory.ts';
import { offboarding } from './scenario-offboarding.ts';
import { profile } from './scenario-profile.ts';
import { restart } from './scenario-restart.ts';
import { revocationQueue } from './scenario-revocation-queue.ts';
import { steady } from './scenario-steady.ts';
import { farAway, throughput } from './scenario-throughput.ts';

/**
 * usage: node bench/bench.ts [SCENARIO …] [OPTION …]
 *
 *   throughput        [--tokens N] [--bcrypt-tokens N] [--rounds N] [--clusters N,N] [--cases NAME,NAME]
 *   delay             [--delay-tokens N] [--rounds N] [--round-trip-ms N]
 *   latency           [--latency-seconds N] [--latency-per-second N]
 *   revocation-queue  [--queued N]
 *   offboarding       [--offboarding-tokens N] [--offboarding-clusters N]
 *   restart           [--restart-tokens N] [--restart-clusters N] [--rounds N]
 *   steady            [--steady-tokens N] [--steady-clusters N] [--steady-seconds N]
 *   idle-clusters     [--idle-clusters N,N]
 *   memory            [--memory-tokens N,N]
 *   cli
 *   growth            [--growth NAME,NAME] [--growth-factors N,N,N]
 *   authenticator     [--rounds N]
 *   authenticator-peer --peer PATH [--rounds N]
 *
 * These without a name, the last one only with --peer: another authenticator, with the command line of kube-api-auth. By name
 * only: fleet [--fleet-clusters N,N] [--fleet-tokens N], profile [--tokens N], revocation, authenticator-audit,
 * authenticator-memory, authenticator-profile, authenticator-timing. options.ts has the defaults.
 *
 * A scenario that fails is left out, and the others run all the same; then it exits with 1. It exits with 0 also when a bar is
 * missed: a figure is not a test.
 */
const DEFAULT: Readonly<Record<string, Scenario>> = {
  throughput,
  delay: farAway,
  latency,
  'revocation-queue': revocationQueue,
  offboarding,
  restart,
  steady,
  'idle-clusters': idleClusters,
  memory,
  cli,
  growth,
  authenticator,
};
const SCENARIOS: Readonly<Record<string, Scenario>> = {
  ...DEFAULT,
  ...{ fleet, profile, revocation },
  'authenticator-audit': authenticatorAudit,
  'authenticator-memory': authenticatorMemory,
  'authenticator-peer': authenticatorPeer,
  'authenticator-profile': authenticatorProfile,
  'authenticator-timing': authenticatorTiming,
};

const read = readOptions(process.argv.slice(2));
const startedAtMs = performance.now();
const options: Options = {
  ...read.options,
  say: (text) =>
    console.log(`${((performance.now() - startedAtMs) / 1000).toFixed(0).padStart(4)} s  ${text}`),
};

const unnamed = [...Object.keys(DEFAULT), ...(options.peer === '' ? [] : ['authenticator-peer'])];
const names = read.scenarios.length > 0 ? read.scenarios : unnamed;
const unknown = names.filter((name) => !Object.hasOwn(SCENARIOS, name));
if (unknown.length > 0) {
  console.error(`bench: no scenario ${unknown.join(', ')}; there are ${Object.keys(SCENARIOS).join(', ')}`);
  process.exit(2);
}

const date = new Date().toISOString();
const machine = describeMachine();
const scenarios: Record<string, ScenarioResult> = {};
const failed: string[] = [];
for (const name of names) {
  options.say(`${name}`);
  try {
    const result = await SCENARIOS[name]?.(options);
    if (!result) continue;
    scenarios[name] = result;
    console.log(`\n${tableOf(result.rows)}\n`);
    // After each, so that a run that is broken off has left what it had.
    writeReport({ date, machine, scenarios });
  } catch (error) {
    failed.push(name);
    console.error(`bench: ${name} failed:`, error);
  }
}
const missed = Object.values(scenarios).flatMap(({ rows }) => rows.filter(({ bar }) => bar?.met === false));
for (const { what, bar } of missed) console.log(`bar missed: ${what} (${bar?.text})`);
if (failed.length > 0) console.log(`failed: ${failed.join(', ')}`);
console.log(`written: ${writeReport({ date, machine, scenarios }).join(', ')}`);
// Sockets of planes that were killed must not keep the process.
process.exit(failed.length > 0 ? 1 : 0);
