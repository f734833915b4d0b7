import { setTimeout as delay } from 'node:timers/promises';
import { runProgram } from './cli/program.ts';
import type { Runtime } from './cli/runtime.ts';

/** argv, environment and signals in, exit code out. The only file that touches `process`. */

type CrashHandler = (kind: string, error: unknown) => Promise<void>;
let beforeCrash: CrashHandler = async (kind, error) => {
  const name = error instanceof Error ? error.name : typeof error;
  process.stderr.write(`ace-operator: ${kind}: ${name}\n`);
};

async function crash(kind: string, error: unknown): Promise<never> {
  await Promise.race([beforeCrash(kind, error), delay(1_000)]);
  process.exit(1);
}

process.on('uncaughtException', (error) => void crash('uncaught exception', error));
process.on('unhandledRejection', (error) => void crash('unhandled rejection', error));

const runtime: Runtime = {
  env: process.env,
  stdout: process.stdout,
  stderr: process.stderr,
  signal: () =>
    new Promise((resolve) => {
      const onSignal = (signal: NodeJS.Signals): void => {
        resolve(signal);
        for (const name of ['SIGTERM', 'SIGINT'] as const) {
          process.removeListener(name, onSignal);
          process.once(name, () => process.exit(name === 'SIGINT' ? 130 : 143));
        }
      };
      process.on('SIGTERM', onSignal);
      process.on('SIGINT', onSignal);
    }),
  after: (ms) => delay(ms, undefined, { ref: false }),
  onCrash: (handler) => {
    beforeCrash = handler;
  },
};

// Sockets and threads that a hurried shutdown left open must not keep the process.
process.exit(await runProgram(process.argv.slice(2), runtime));
