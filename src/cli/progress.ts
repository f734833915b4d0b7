import { Progress } from '../print/progress.ts';
import type { Runtime } from './runtime.ts';

/** Progress on stderr, where that is a terminal. */
export function progressOf(what: string, runtime: Runtime): Progress {
  return new Progress(what, {
    isTerminal: runtime.isErrorTerminal,
    columns: runtime.columns,
    write: (text) => void runtime.stderr.write(text),
    now: runtime.now,
  });
}

/** A line for the person, beside the answer: on stderr, so that no script takes it for the answer. */
export function note(text: string, runtime: Runtime): void {
  runtime.stderr.write(`${text}\n`);
}
