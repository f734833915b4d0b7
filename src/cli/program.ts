import { Command, CommanderError, Option } from 'commander';
import { environmentName, type Flag, OPERATOR_FLAGS } from '../config.ts';
import { ConfigError, ConnectionError, describeError } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { Runtime } from './runtime.ts';

/** Exit codes: 0 fine, 1 the answer is no, 2 usage, 3 cannot reach what is needed. */
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const EXIT_UNREACHABLE = 3;

/**
 * Parses the command line and runs the command.
 *
 * @param args - without the program's own name
 * @returns the exit code
 */
export async function runProgram(args: readonly string[], runtime: Runtime): Promise<number> {
  let exitCode = 0;
  const program = new Command('ace-operator')
    .description(
      'Carries management-plane tokens and users into downstream Kubernetes clusters, and takes them away again.',
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void runtime.stdout.write(text),
      writeErr: (text) => void runtime.stderr.write(text),
      outputError: (text, write) => write(`ace-operator: ${text.replace(/^error: /, '')}`),
    });
  const operator = program
    .command('operator')
    .description(
      'Run the operator: watch Tokens and Users, keep every ACE-enabled downstream cluster in step.',
    )
    .action(async () => {
      // Loaded only now: client-node alone costs half a second, which --help need not pay.
      const { runOperator } = await import('./operator.ts');
      exitCode = await runOperator(flagsOf(operator, OPERATOR_FLAGS), runtime);
    });
  for (const flag of OPERATOR_FLAGS) operator.addOption(optionOf(flag));
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, runtime);
  }
}

function optionOf({ flag, placeholder, help, fallback }: Flag): Option {
  const shown = fallback === '' ? '' : `; default ${fallback}`;
  return new Option(`--${flag} <${placeholder}>`, `${help} (env ${environmentName(flag)}${shown})`);
}

function flagsOf(command: Command, flags: readonly Flag[]): Readonly<Record<string, string | undefined>> {
  const values = command.opts<Record<string, string | undefined>>();
  const camel = (flag: string): string =>
    flag.replace(/-([a-z])/g, (_match, letter: string) => letter.toUpperCase());
  return Object.fromEntries(flags.map(({ flag }) => [flag, values[camel(flag)]]));
}

function exitCodeOf(error: unknown, runtime: Runtime): number {
  // Help and version end by way of an error, too; commander has printed what there was to print.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  runtime.stderr.write(`ace-operator: ${describeError(error)}\n`);
  if (error instanceof ConfigError) return EXIT_USAGE;
  return error instanceof ConnectionError ? EXIT_UNREACHABLE : EXIT_FAILURE;
}
