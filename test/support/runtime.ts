import { Readable, Writable } from 'node:stream';
import type { Runtime } from '../../src/cli/terminal/runtime.ts';

/** A runtime without a process of its own, and what was written to it. */
export function aRuntime(given: Partial<Runtime> = {}): {
  runtime: Runtime;
  told: { out: string; err: string };
} {
  const told = { out: '', err: '' };
  const into = (name: 'out' | 'err'): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        told[name] += String(chunk);
        done();
      },
    });
  const runtime: Runtime = {
    program: 'ace-operator',
    env: {},
    home: '',
    stdin: Readable.from([]),
    stdout: into('out'),
    stderr: into('err'),
    isTerminal: false,
    isErrorTerminal: false,
    columns: 80,
    now: Date.now,
    signal: async () => 'SIGTERM',
    interruption: () => new AbortController().signal,
    flushed: async () => undefined,
    outputLost: () => new Promise(() => {}),
    after: async () => {},
    onCrash: () => {},
    ...given,
  };
  return { runtime, told };
}
