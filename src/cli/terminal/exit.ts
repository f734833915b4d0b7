import { CommanderError } from 'commander';
import { ConfigError, ConnectionError, describeError, UnseenError } from '../../errors.ts';
import { InterruptedError } from './interruption.ts';
import type { Runtime } from './runtime.ts';
import { complain } from './say.ts';

/** What scripts rely on. */
export const EXIT_OK = 0;
/** The answer is no: refused, not propagated, not ready. Also every fault that has no code of its own. */
export const EXIT_NO = 1;
/** A flag, an argument or a file that was given cannot be used. */
export const EXIT_USAGE = 2;
/** What is needed for an answer cannot be reached. */
export const EXIT_UNREACHABLE = 3;

/** Nothing is in the way, as far as is stored; the API server was not asked with the bearer. */
export const EXIT_NOT_ASKED = 4;

/** What comes of several parts of one command: a no weighs more than what is not known, and both more than success. */
export function worstOf(codes: readonly number[]): number {
  return codes.find((code) => code === EXIT_NO) ?? codes.find((code) => code !== EXIT_OK) ?? EXIT_OK;
}

/** Says in one line what went wrong. @returns the exit code */
export function exitCodeOf(error: unknown, runtime: Runtime): number {
  // Help and version end by way of an error, too; commander has printed what there was to print.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT_OK : EXIT_USAGE;
  if (error instanceof InterruptedError) {
    complain(runtime, error.message);
    return error.exitCode;
  }
  complain(runtime, describeError(error));
  if (error instanceof ConfigError) return EXIT_USAGE;
  const isUnseen = error instanceof ConnectionError || error instanceof UnseenError;
  return isUnseen ? EXIT_UNREACHABLE : EXIT_NO;
}
