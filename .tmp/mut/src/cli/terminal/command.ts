import type { Flag, Given } from '../../config/flags.ts';
import type { Runtime } from './runtime.ts';

/** One line of the list of commands. The rest is loaded for the one command that was asked for. */
export interface CommandEntry {
  readonly name: string;
  /** Half a line, for the list. */
  readonly summary: string;
  load(): Promise<Command>;
}

/**
 * All that `--help` says of a command, and how to run it.
 *
 * A module that defines one imports nothing heavy: what it takes to run is imported by `run`, from `run-<name>.ts`.
 */
export interface Command {
  /** Sentences, wrapped by the help; a blank line between paragraphs. */
  readonly description: string;
  readonly arguments?: readonly Argument[];
  readonly flags?: readonly Flag[];
  readonly examples?: readonly Example[];
  /** What the codes mean here, where that is more than their general meaning. */
  readonly exitCodes?: Readonly<Partial<Record<0 | 1 | 2 | 3 | 4, string>>>;
  /** Changes nothing, so that it may end as soon as nobody reads its answer any more. */
  readonly onlyLooks?: boolean;
  /** A command with subcommands does nothing itself. */
  readonly subcommands?: readonly CommandEntry[];
  /** @returns the exit code */
  run?(invocation: Invocation, runtime: Runtime): Promise<number>;
}

export interface Argument {
  /** In capitals, such as `TOKEN-NAME`. */
  readonly name: string;
  readonly help: string;
  readonly optional?: boolean;
  /** Takes all that is left. */
  readonly variadic?: boolean;
  /** What a shell may offer for it. */
  readonly completes?: 'cluster' | 'token' | 'user' | readonly string[];
}

export interface Example {
  readonly what: string;
  /** Without the program's name in front. */
  readonly command: string;
}

/** What was typed. */
export interface Invocation {
  readonly args: readonly string[];
  readonly given: Given;
  /** Every command of the program, for those that speak of all. */
  readonly commands: readonly CommandEntry[];
}
