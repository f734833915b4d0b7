import { once } from 'node:events';
import { createInterface } from 'node:readline/promises';
import { ConfigError } from '../../errors.ts';
import { printable } from '../../print/printable.ts';
import type { Runtime } from './runtime.ts';

/**
 * Asks before something that cannot be undone.
 *
 * @returns whether they said yes
 * @throws {ConfigError} when there is nobody to ask: a script has to say so itself
 */
export async function askPerson(question: string, runtime: Runtime): Promise<boolean> {
  if (!isTerminal(runtime.stdin) || !runtime.isErrorTerminal)
    throw new ConfigError(`${question} Nobody can answer here; say so by --yes`);
  const lines = createInterface({ input: runtime.stdin, output: runtime.stderr });
  // Ctrl-D and Ctrl-C end the interface, and its question is never answered.
  const closed = once(lines, 'close').then(() => '');
  try {
    const answer = await Promise.race([lines.question(`${printable(question)} [y/N] `), closed]);
    return answer.trim().toLowerCase() === 'y';
  } finally {
    lines.close();
  }
}

function isTerminal(stream: NodeJS.ReadableStream): boolean {
  return 'isTTY' in stream && stream.isTTY === true;
}
