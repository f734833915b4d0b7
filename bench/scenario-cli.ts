import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { atMost } from './bars.ts';
import { startBenchWorld } from './bench-world.ts';
import type { Options, Row, ScenarioResult } from './scenario.ts';
import { median } from './stats.ts';
import { nowMs } from './token-watch.ts';
import { createTokens, createUsers } from './upstream.ts';

const RUNS = 10;
const TOKENS = 100;
const OUT = fileURLToPath(new URL('../dist/kubectl-ace', import.meta.url));
const PROGRAM = `${OUT}/linux_amd64/kubectl-ace`;
const MAKER = fileURLToPath(new URL('../hack/executable/executable.ts', import.meta.url));
const MAX_STATUS_S = 0.3;
const MAX_VERSION_S = 0.06;

const run = promisify(execFile);

/** How long a person waits for the command line that is one file. */
export async function cli(options: Options): Promise<ScenarioResult> {
  // Anew, so that it is of the sources that are measured.
  options.say(`making ${PROGRAM}`);
  await run(process.execPath, [MAKER, OUT, 'linux/amd64']);
  const bench = await startBenchWorld(1);
  try {
    const { world, ids } = bench;
    await createUsers(world, 1);
    await createTokens(world, { count: TOKENS, kind: 'hashed', prefix: 'cli', clusters: ids, users: 1 });
    await bench.register();
    await world.startOperator();
    await world.waitSynced(ids[0] ?? '', `${TOKENS}/${TOKENS}`);
    const { adminKubeconfig } = world.management.plane;
    const status = await times(['status', ids[0] ?? '', '--kubeconfig', adminKubeconfig]);
    const version = await times(['--version']);
    return {
      how: [
        `dist/kubectl-ace, a process of its own each time, ${RUNS} times one after the other; from the spawn to the end. The file is in the system's cache after the first. status: of one cluster with ${TOKENS} tokens, which is asked itself as well; operator running.`,
      ],
      rows: [
        ...rowsOf('status of one cluster', status, MAX_STATUS_S),
        ...rowsOf('--version', version, MAX_VERSION_S),
      ],
      details: { status, version },
    };
  } finally {
    await bench.close();
  }
}

/** Seconds of each run. */
async function times(args: readonly string[]): Promise<readonly number[]> {
  const taken: number[] = [];
  for (let index = 0; index < RUNS; index += 1) {
    const startMs = nowMs();
    await run(PROGRAM, [...args], { env: { HOME: '/nonexistent', PATH: process.env['PATH'] ?? '' } }).catch(
      // 1 says that something is not in order; a cluster without an authenticator is not.
      (error: { code?: unknown }) => {
        if (error.code !== 1) throw error;
      },
    );
    taken.push((nowMs() - startMs) / 1000);
  }
  return taken;
}

function rowsOf(what: string, seconds: readonly number[], limit: number): readonly Row[] {
  const middle = median(seconds);
  return [
    { what: `kubectl-ace ${what}, median`, value: middle, unit: 's', ...atMost(middle, limit, 's') },
    { what: `kubectl-ace ${what}, fastest`, value: Math.min(...seconds), unit: 's' },
  ];
}
