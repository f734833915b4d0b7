import { homedir } from 'node:os';
import { basename } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { OutputWatch } from './cli/program/output-watch.ts';
import { exitCodeOfSignal, INTERRUPTING } from './cli/terminal/interruption.ts';
import type { Runtime } from './cli/terminal/runtime.ts';
import { proxyEnvironment, useProxies } from './kube/proxy-environment.ts';
import { VERSION } from './version.ts';

/** argv, environment and signals in, exit code out. The only file that touches `process`. */

/** kubectl starts a plugin under the plugin's own name, and people type it apart. */
const program = basename(process.argv[1] ?? '').startsWith('kubectl-ace') ? 'kubectl ace' : 'ace-operator';

type CrashHandler = (kind: string, error: unknown) => Promise<void>;
let beforeCrash: CrashHandler = async (kind, error) => {
  const name = error instanceof Error ? error.name : typeof error;
  process.stderr.write(`${program}: ${kind}: ${name}\n`);
};

async function crash(kind: string, error: unknown): Promise<never> {
  await Promise.race([beforeCrash(kind, error), delay(1_000)]);
  process.exit(1);
}

// Node would open its debugger on the node's loopback for whoever may send this signal.
process.on('SIGUSR1', () => {});
process.on('uncaughtException', (error) => void crash('uncaught exception', error));
process.on('unhandledRejection', (error) => void crash('unhandled rejection', error));
const output = new OutputWatch(process.stdout);
const errorOutput = new OutputWatch(process.stderr);

/** The first signal is told, the second ends the process at once. */
function onFirst(names: readonly NodeJS.Signals[], tell: (name: NodeJS.Signals) => void): void {
  const onSignal = (signal: NodeJS.Signals): void => {
    for (const name of names) {
      process.removeListener(name, onSignal);
      process.once(name, () => process.exit(exitCodeOfSignal(name)));
    }
    tell(signal);
  };
  for (const name of names) process.on(name, onSignal);
}

let interruption: AbortSignal | undefined;
function interruptible(): AbortSignal {
  const controller = new AbortController();
  onFirst(INTERRUPTING, (name) => {
    process.stderr.write(`${program}: ${name}: ending in order; once more ends it at once\n`);
    controller.abort(name);
  });
  return controller.signal;
}

/** Node throws where neither $HOME nor the system's list of accounts knows one, as in a bare container. */
function homeDirectory(): string {
  try {
    return homedir();
  } catch {
    return '/';
  }
}

useProxies(proxyEnvironment(process.env));

const runtime: Runtime = {
  program,
  env: process.env,
  home: homeDirectory(),
  get stdin() {
    return process.stdin;
  },
  stdout: process.stdout,
  stderr: process.stderr,
  isTerminal: process.stdout.isTTY === true,
  isErrorTerminal: process.stderr.isTTY === true,
  get columns() {
    return process.stdout.columns ?? 80;
  },
  now: Date.now,
  signal: () => new Promise((resolve) => onFirst(['SIGTERM', 'SIGINT'], resolve)),
  interruption: () => {
    interruption ??= interruptible();
    return interruption;
  },
  flushed: () => output.flushed(),
  outputLost: () => output.lost,
  after: (ms) => delay(ms, undefined, { ref: false }),
  onCrash: (handler) => {
    beforeCrash = handler;
  },
};

/**
 * V8 compiles on other threads, and some of these wait for this one to collect garbage. Whoever exits then waits for them for good
 * (https://github.com/nodejs/node/issues/54918, seen here once in some thousand ends of an operator). While this one is idle they
 * come to an end. The longer a program ran, the more there may be under way; a short command must not feel it.
 */
const [IDLE_PART, MAX_IDLE_MS] = [0.05, 100];

/** Scripts ask for the version, and should not wait for a parser and what it brings along. */
async function run(args: readonly string[]): Promise<number> {
  if (args.length !== 1 || args[0] !== '--version')
    return (await import('./cli/program/program.ts')).runProgram(args, runtime);
  process.stdout.write(`${VERSION}\n`);
  return 0;
}

/** A function, since what is one file for a single executable may not wait at its outermost level. */
async function main(): Promise<never> {
  const exitCode = await run(process.argv.slice(2));
  // A pipe takes what was written some time later: what is exited before that is lost.
  await Promise.all([output.flushed(), errorOutput.flushed()]);
  await delay(Math.min(MAX_IDLE_MS, performance.now() * IDLE_PART));
  // Sockets and threads that a hurried shutdown left open must not keep the process.
  process.exit(exitCode);
}

void main();
