import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Cost, costs, monotonicUs, readProfile, type Window } from './cpu-profile.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import type { LoadPlan } from './scenario-authenticator-load.ts';
import { load, portOf, startFilled } from './scenario-authenticator-process.ts';

const TOP = 25;
const TOKENS = 12_000;
const WARM = 1_000;
const SECONDS = 4;

const CASES: Readonly<Record<string, Omit<LoadPlan, 'port' | 'connections'>>> = {
  warm: { bearers: 'ours', first: 0, count: WARM, seconds: SECONDS },
  'sha3 cold': { bearers: 'ours', first: WARM, count: TOKENS - WARM },
  unknown: { bearers: 'unknown', first: 0, count: 1_000_000, seconds: SECONDS },
  foreign: { bearers: 'foreign', first: 0, count: 1_000_000, seconds: SECONDS },
};

/** Where the authenticator's main thread spends the time of a request. */
export async function authenticatorProfile(options: Options): Promise<ScenarioResult> {
  const directory = mkdtempSync(join(tmpdir(), 'ace-bench-profile-'));
  const service = await startFilled(
    { sha3: TOKENS, bcrypt: 0, scrypt: 0 },
    { NODE_OPTIONS: `--cpu-prof --cpu-prof-interval=200 --cpu-prof-dir=${directory}` },
  );
  const windows: { readonly name: string; readonly window: Window; readonly requests: number }[] = [];
  for (const [name, plan] of Object.entries({ 'warm up': CASES['warm'], ...CASES })) {
    if (!plan) continue;
    options.say(name);
    const fromUs = monotonicUs();
    const { requests } = await load({ ...plan, port: portOf(service), connections: 50 });
    windows.push({ name, window: { fromUs, toUs: monotonicUs() }, requests });
  }
  await service.stop();
  const profile = readProfile(directory);
  return {
    how: [
      `Main thread under --cpu-prof, idle time left out, in microseconds of one request. Profile in ${directory}, for Chrome's developer tools.`,
    ],
    rows: windows.slice(1).flatMap(({ name, window, requests }) => {
      const { busyMs, costs: all } = costs(profile, window);
      const each = (ms: number): Pick<Row, 'value' | 'unit'> => ({
        value: (ms * 1000) / requests,
        unit: 'µs',
      });
      const top = (which: string, pick: (cost: Cost) => number): readonly Row[] =>
        [...all]
          .sort((a, b) => pick(b) - pick(a))
          .slice(0, TOP)
          .map((cost) => ({ what: `${name}, ${which}: ${cost.where}`, ...each(pick(cost)) }));
      return [
        { what: `${name}: busy`, ...each(busyMs) },
        ...top('self', ({ selfMs }) => selfMs),
        ...top('with callees', ({ totalMs }) => totalMs),
      ];
    }),
    details: {},
  };
}
