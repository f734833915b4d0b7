import type { DryRun } from '../../config/act.ts';
import { printable } from '../../print/printable.ts';
import type { Runtime } from './runtime.ts';

/** Behind a line that says what was done, as kubectl has it. */
export const DRY_RUN_SUFFIX: Readonly<Record<DryRun, string>> = {
  none: '',
  client: ' (dry run)',
  server: ' (server dry run)',
};

/** Lines for people. Names and messages come from clusters, also from hostile ones: nothing of them reaches a terminal raw. */

/** A line of the answer. */
export function say(text: string, runtime: Runtime): void {
  runtime.stdout.write(`${printable(text)}\n`);
}

/** A line beside the answer: on stderr, so that no script takes it for the answer. */
export function note(text: string, runtime: Runtime): void {
  runtime.stderr.write(`${printable(text)}\n`);
}

/** One line on stderr, under the program's own name: what was tried, on which object, what to do. */
export function complain(runtime: Runtime, message: string): void {
  note(`${runtime.program}: ${message.trim().replaceAll(/\s*\n\s*/g, ' ')}`, runtime);
}
