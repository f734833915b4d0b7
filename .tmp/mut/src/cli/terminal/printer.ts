import type { AskConfig } from '../../config/ask.ts';
import type { Printer } from '../../print/output.ts';
import type { Runtime } from './runtime.ts';

/** Prints to stdout, in the format of the flags. */
export function printerOf(config: Pick<AskConfig, 'output' | 'headers'>, runtime: Runtime): Printer {
  return {
    format: config.output,
    headers: config.headers,
    isTerminal: runtime.isTerminal,
    columns: runtime.isTerminal ? runtime.columns : undefined,
    env: runtime.env,
    write: (text) => void runtime.stdout.write(text),
  };
}
