import { Agent, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { reviewBody } from '../test/support/webhook-rig.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import type { Population } from './scenario-authenticator-cluster.ts';
import { portOf, startFilled } from './scenario-authenticator-process.ts';
import { median, quantile } from './stats.ts';

const FAST_PAIRS = 3_000;
const WARM_UP = 500;
const SLOW_PAIRS = 150;
/** The authenticator spends time on at most five unknown names a second. */
const SLOW_PAUSE_MS = 260;
const QUANTILES = [0.05, 0.5, 0.95, 0.99] as const;
const CLUSTERS: readonly { what: string; population: Population; pairs: number; pauseMs: number }[] = [
  {
    what: 'sha3-512',
    population: { sha3: FAST_PAIRS + WARM_UP, bcrypt: 0, scrypt: 0 },
    ...{ pairs: FAST_PAIRS, pauseMs: 0 },
  },
  {
    what: 'bcrypt',
    population: { sha3: 0, bcrypt: SLOW_PAIRS, scrypt: 0 },
    ...{ pairs: SLOW_PAIRS, pauseMs: SLOW_PAUSE_MS },
  },
];

/** Milliseconds from question to answer, one at a time. */
interface Times {
  readonly unknown: number[];
  readonly wrong: number[];
}

/**
 * How long a refusal takes of a name that is not there, and of a wrong secret for one that is: what somebody who can ask learns of names by
 * the clock. In turns, each name once, on one connection.
 */
export async function authenticatorTiming(options: Options): Promise<ScenarioResult> {
  const details: Record<string, unknown> = {};
  const rows: Row[] = [];
  for (const { what, population, pairs, pauseMs } of CLUSTERS) {
    options.say(`${pairs} pairs of ${what}`);
    const service = await startFilled(population);
    const times = await measure(portOf(service), pairs, pauseMs).finally(() => service.stop());
    for (const [kind, values] of Object.entries(times))
      for (const q of QUANTILES)
        rows.push({ what: `${what}, ${kind}, ${q * 100} %`, value: quantile(values, q), unit: 'ms' });
    rows.push({
      what: `${what}, how often a guess by the median is right`,
      value: guessed(times),
      unit: '%',
    });
    details[what] = times;
  }
  return {
    how: [
      'The built authenticator, over HTTP on loopback, one question at a time on one connection: a name that is not there, then a wrong secret for one that is, each name once.',
      'The last row of each: somebody who calls "there" what takes longer than the median of all is so often right. 50 % is no better than a coin.',
    ],
    rows,
    details,
  };
}

async function measure(port: number, pairs: number, pauseMs: number): Promise<Times> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const times: Times = { unknown: [], wrong: [] };
  // The first answers of a process are slower than all others.
  if (pauseMs === 0)
    for (let index = 0; index < WARM_UP; index += 1) await timeOf(agent, port, `token-${pairs + index}`);
  for (let index = 0; index < pairs; index += 1) {
    times.unknown.push(await timeOf(agent, port, `taken-${index}`));
    times.wrong.push(await timeOf(agent, port, `token-${index}`));
    if (pauseMs > 0) await delay(pauseMs);
  }
  agent.destroy();
  return times;
}

function timeOf(agent: Agent, port: number, name: string): Promise<number> {
  const body = reviewBody(`${name}:a-wrong-secret-of-nobody-at-all-of-fifty-four-characters`);
  const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
  const startMs = performance.now();
  return new Promise((resolve, reject) => {
    const sent = request({
      agent,
      port,
      host: '127.0.0.1',
      method: 'POST',
      path: '/v1/authenticate',
      headers,
    });
    sent.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(performance.now() - startMs));
    });
    sent.end(body);
  });
}

/** Per cent. */
function guessed({ unknown, wrong }: Times): number {
  const middle = median([...unknown, ...wrong]);
  const right = wrong.filter((ms) => ms > middle).length + unknown.filter((ms) => ms <= middle).length;
  return (100 * right) / (unknown.length + wrong.length);
}
