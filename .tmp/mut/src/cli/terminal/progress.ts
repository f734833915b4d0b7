import { Progress } from '../../print/progress.ts';
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
