import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Writable } from 'node:stream';

/** A program that cannot outlive this process. */
export interface Child {
  readonly running: boolean;
  /** Settles with the exit code when the program has ended, for whatever reason. */
  readonly exited: Promise<number | null>;
  /** SIGKILL; settles when the program is gone. */
  kill(): Promise<void>;
}

/**
 * The guard reads a pipe that only we hold open. However we end, kill -9 included, the system closes it, and the
 * guard kills the program. (PR_SET_PDEATHSIG would fire when the *thread* that spawned the program ends, which is
 * wrong in a test runner's worker threads, and exists on Linux only.)
 */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ read -r _ <&3; kill -KILL "$child" 2>/dev/null; } &
guard=$!
exec 3<&-
wait "$child"
code=$?
kill "$guard" 2>/dev/null
exit "$code"
`;

export function startChild(program: string, args: readonly string[], logFile: string): Child {
  const log = openSync(logFile, 'a');
  // A session of its own: Ctrl-C in the terminal reaches us only, so that we end it in our order.
  const guard = spawn('sh', ['-c', GUARD, 'guard', program, ...args], {
    stdio: ['pipe', log, log],
    detached: true,
  });
  closeSync(log);
  return new GuardedChild(guard);
}

class GuardedChild implements Child {
  readonly exited: Promise<number | null>;
  readonly #pipe: Writable | null;
  #running = true;

  constructor(guard: ChildProcess) {
    this.#pipe = guard.stdin;
    this.#pipe?.on('error', () => undefined); // the program ended first: `exited` tells
    this.exited = new Promise((resolve, reject) => {
      guard.once('error', reject);
      guard.once('exit', (code) => {
        this.#running = false;
        this.#pipe?.destroy();
        resolve(code);
      });
    });
    this.exited.catch(() => undefined); // not unhandled when nobody waits; those who wait still get it
  }

  get running(): boolean {
    return this.#running;
  }

  async kill(): Promise<void> {
    this.#pipe?.destroy();
    await this.exited;
  }
}
