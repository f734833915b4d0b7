import { peakRssMb, rssMb } from './process-stats.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { load, portOf, startFilled } from './scenario-authenticator-process.ts';

const SIZES = [0, 10_000, 50_000, 100_000];
/** The bar is for this many. */
const JUDGED = 50_000;
const MAX_MB = 160;
const FLOOD_SECONDS = 4;
/** A token, its hash, and a tenth of a user. */
const OBJECTS_PER_TOKEN = 2.1;
const MAX_BYTES_PER_OBJECT = 600;

interface Memory {
  readonly tokens: number;
  readonly filledMb: number;
  /** After each token was used once, and names that do not exist were asked for. */
  readonly usedMb: number;
  readonly peakMb: number;
}

/** What the authenticator's process takes, by the number of tokens. */
export async function authenticatorMemory(options: Options): Promise<ScenarioResult> {
  const measured: Memory[] = [];
  for (const tokens of SIZES) {
    options.say(`${tokens} tokens`);
    measured.push(await measure(tokens));
  }
  const [none, most] = [measured[0], measured.at(-1)];
  const bytesPerObject =
    (((most?.filledMb ?? 0) - (none?.filledMb ?? 0)) * 1024 * 1024) /
    ((most?.tokens ?? 1) * OBJECTS_PER_TOKEN);
  return {
    how: [
      'Resident memory (VmRSS) of the built authenticator with the environment of its DaemonSet, from a stand-in for the API server whose objects carry labels, annotations and managedFields. filled: the stores are filled. used: each token was asked for once, so that it is remembered, and four seconds of names that do not exist. peak: VmHWM.',
    ],
    rows: [
      ...measured.flatMap(({ tokens, filledMb, usedMb, peakMb }): Row[] => [
        { what: `${tokens} tokens, filled`, value: filledMb, unit: 'MB', ...barOf(tokens, filledMb) },
        { what: `${tokens} tokens, used`, value: usedMb, unit: 'MB' },
        { what: `${tokens} tokens, peak`, value: peakMb, unit: 'MB', ...barOf(tokens, peakMb) },
      ]),
      {
        what: 'an object held',
        value: bytesPerObject,
        unit: 'bytes',
        bar: { text: `≤ ${MAX_BYTES_PER_OBJECT}`, met: bytesPerObject <= MAX_BYTES_PER_OBJECT },
      },
    ],
    details: { measured },
  };
}

function barOf(tokens: number, mb: number): Pick<Row, 'bar'> {
  return tokens === JUDGED ? { bar: { text: `≤ ${MAX_MB} MB`, met: mb <= MAX_MB } } : {};
}

async function measure(tokens: number): Promise<Memory> {
  const service = await startFilled({ sha3: tokens, bcrypt: 0, scrypt: 0 });
  try {
    const filledMb = rssMb(service.pid);
    const [port, connections] = [portOf(service), 50];
    if (tokens > 0) await load({ bearers: 'ours', first: 0, count: tokens, port, connections });
    const flood = { bearers: 'unknown', first: 0, count: 1_000_000, seconds: FLOOD_SECONDS } as const;
    await load({ ...flood, port, connections });
    return { tokens, filledMb, usedMb: rssMb(service.pid), peakMb: peakRssMb(service.pid) };
  } finally {
    await service.stop();
  }
}
