// program/: finds the command that was typed, and prints help.

import { Command as Parser } from 'commander';
import { verbosity } from '../../config/acting.ts';
import { ASK_FLAGS } from '../../config/ask.ts';
import { isWholeBearer, requireName, wholeBearerError } from '../../config/whole-bearer.ts';
import { ConfigError, describeFileError } from '../../errors.ts';
import { VERSION } from '../../version.ts';
import type { Command, CommandEntry, Invocation } from '../terminal/command.ts';
import { EXIT_NO, EXIT_OK, exitCodeOf } from '../terminal/exit.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { complain, note } from '../terminal/say.ts';
import { COMMANDS } from './commands.ts';
import { helpPage } from './help.ts';
import { commandFirst, flagsOf, optionOf } from './options.ts';

const PROGRAM: Command = {
  description:
    'Carries management-plane tokens and users into downstream Kubernetes clusters, takes them away again, and says why a token is refused.',
  subcommands: COMMANDS,
};

/**
 * Parses the command line and runs the command.
 *
 * @param args - without the program's own name
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], runtime: Runtime): Promise<number> {
  const [first, ...rest] = args;
  const typed = first === 'help' ? [...rest, '--help'] : commandFirst(args, ASK_FLAGS);
  let exitCode = EXIT_OK;
  const parser = new Parser(runtime.program);
  parser.version(VERSION, '--version', 'show the version');
  const building = {
    runtime,
    ended: (code: number): void => {
      exitCode = code;
    },
  };
  try {
    for (const word of typed) requireNoBearer(word);
    await build(parser, PROGRAM, typed, runtime.program, building);
    await parser.parseAsync([...typed], { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, runtime);
  }
}

/** Before anything else is looked at: whatever is wrong besides, its secret is repeated nowhere. @throws {ConfigError} */
function requireNoBearer(word: string): void {
  const [flag = '', value] = word.startsWith('-') ? splitOnce(word, '=') : ['', word];
  if (isWholeBearer(value ?? '')) throw wholeBearerError(flag || 'the command line');
}

/** What the parser says of words that it does not know, without what stands behind a colon in them. */
function withoutTails(text: string, typed: readonly string[]): string {
  let shown = text;
  for (const word of typed) {
    const [head, tail] = splitOnce(word, ':');
    if (tail) shown = shown.replaceAll(word, `${head}:…`);
  }
  return shown;
}

function splitOnce(text: string, at: string): readonly [string, string | undefined] {
  const index = text.indexOf(at);
  return index < 0 ? [text, undefined] : [text.slice(0, index), text.slice(index + 1)];
}

interface Building {
  readonly runtime: Runtime;
  ended(exitCode: number): void;
}

/** Makes a parser of a command; of its subcommands only the one that was typed is loaded. */
async function build(
  parser: Parser,
  command: Command,
  typed: readonly string[],
  path: string,
  building: Building,
): Promise<void> {
  const { runtime, ended } = building;
  const { flags = [], subcommands = [] } = command;
  const page = { path, program: runtime.program, command, columns: runtime.columns };
  parser
    .exitOverride()
    .helpCommand(false)
    .configureHelp({ formatHelp: () => helpPage(page) })
    .configureOutput({
      writeOut: (text) => void runtime.stdout.write(text),
      writeErr: (text) => void runtime.stderr.write(text),
      outputError: (text) => complain(runtime, withoutTails(text.replace(/^error: /, ''), typed)),
    });
  for (const { name, optional, variadic } of command.arguments ?? []) {
    const text = variadic ? `${name}...` : name;
    parser.argument(optional ? `[${text}]` : `<${text}>`);
  }
  for (const flag of flags) parser.addOption(optionOf(flag));
  await addSubcommands(parser, subcommands, typed, path, building);
  if (!command.run) return;
  parser.action(async () => {
    if (parser.args.some((argument) => argument.trim() === ''))
      throw new ConfigError(
        'an argument is empty; leave it out, or check the variable that it was to come from',
      );
    for (const argument of parser.args) requireName('an argument', argument);
    const invocation = { args: parser.args, given: flagsOf(parser, flags), commands: COMMANDS };
    const endTrace = await trace(verbosity(flags, invocation.given, runtime.env), runtime);
    try {
      ended(await runToTheEnd(command, invocation, runtime));
    } finally {
      endTrace();
    }
  });
}

/** Whoever asks why something takes long, or what was asked of whom, sees each request. */
async function trace(level: number, runtime: Runtime): Promise<() => void> {
  if (level === 0) return () => {};
  const { traceRequests } = await import('../../kube/request-trace.ts');
  return traceRequests({ withQuery: level > 1, tell: (line) => note(line, runtime) });
}

/**
 * What changes something goes on when its output is lost, and says so at the end; what only looks has nobody left to
 * look for.
 */
async function runToTheEnd(command: Command, invocation: Invocation, runtime: Runtime): Promise<number> {
  const running = command.run?.(invocation, runtime) ?? Promise.resolve(EXIT_OK);
  if (command.onlyLooks) {
    const code = await Promise.race([running, runtime.outputLost().then(() => EXIT_OK)]);
    return codeOfLoss(await runtime.flushed(), code, runtime);
  }
  const code = await running;
  const loss = await runtime.flushed();
  if (loss?.code === 'EPIPE')
    complain(runtime, `nobody read stdout to its end; the command went on, and ends with exit code ${code}`);
  return codeOfLoss(loss, code, runtime);
}

/** `| head` has read enough; a full disk has lost what somebody wanted to keep. */
function codeOfLoss(loss: NodeJS.ErrnoException | undefined, code: number, runtime: Runtime): number {
  if (loss === undefined || loss.code === 'EPIPE') return code;
  complain(runtime, `stdout: ${describeFileError(loss)}: what was printed is lost, at least in part`);
  return code === EXIT_OK ? EXIT_NO : code;
}

async function addSubcommands(
  parser: Parser,
  entries: readonly CommandEntry[],
  [name, ...rest]: readonly string[],
  path: string,
  building: Building,
): Promise<void> {
  for (const entry of entries) {
    const child = parser.command(entry.name);
    if (entry.name === name) await build(child, await entry.load(), rest, `${path} ${name}`, building);
  }
}
