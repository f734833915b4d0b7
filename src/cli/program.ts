import { Command, CommanderError, Option } from 'commander';
import { AUTHENTICATOR_FLAGS } from '../config/authenticator.ts';
import { environmentName, type Flag, type Given } from '../config/flags.ts';
import { OPERATOR_FLAGS } from '../config/operator.ts';
import { ConfigError, ConnectionError, describeError } from '../errors.ts';
import { VERSION } from '../version.ts';
import type { Runtime } from './runtime.ts';

/** Exit codes: 0 fine, 1 the answer is no, 2 usage, 3 cannot reach what is needed. */
const EXIT_FAILURE = 1;
const EXIT_USAGE = 2;
const EXIT_UNREACHABLE = 3;

interface Subcommand {
  readonly name: string;
  readonly description: string;
  readonly flags: readonly Flag[];
  run(given: Given, runtime: Runtime): Promise<number>;
}

/** Loaded only when run: client-node alone costs half a second, which `--help` need not pay. */
const SUBCOMMANDS: readonly Subcommand[] = [
  {
    name: 'operator',
    description:
      'Run the operator: watch Tokens and Users, keep every ACE-enabled downstream cluster in step.',
    flags: OPERATOR_FLAGS,
    run: async (given, runtime) => (await import('./operator.ts')).runOperator(given, runtime),
  },
  {
    name: 'authenticator',
    description: "Run the webhook: answer a downstream API server's TokenReviews from its own cluster.",
    flags: AUTHENTICATOR_FLAGS,
    run: async (given, runtime) => (await import('./authenticator.ts')).runAuthenticator(given, runtime),
  },
];

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
  for (const { name, description, flags, run } of SUBCOMMANDS) {
    const command = program.command(name).description(description);
    for (const flag of flags) command.addOption(optionOf(flag));
    command.action(async () => {
      exitCode = await run(flagsOf(command, flags), runtime);
    });
  }
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, runtime);
  }
}

function optionOf({ flag, placeholder, help, fallback, repeatable }: Flag): Option {
  const shown = fallback === '' || placeholder === undefined ? '' : `; default ${fallback}`;
  const text = `${help} (env ${environmentName(flag)}${shown})`;
  if (placeholder === undefined) return new Option(`--${flag}`, text).preset('true');
  const option = new Option(`--${flag} <${placeholder}>`, text);
  if (!repeatable) return option;
  return option.argParser((value: string, before?: string) =>
    before === undefined ? value : `${before},${value}`,
  );
}

function flagsOf(command: Command, flags: readonly Flag[]): Given {
  const values = command.opts<Record<string, string | boolean | undefined>>();
  return Object.fromEntries(flags.map(({ flag }) => [flag, textOf(flag, values)]));
}

/** commander takes `--no-extra` as `extra: false`. */
function textOf(
  flag: string,
  values: Readonly<Record<string, string | boolean | undefined>>,
): string | undefined {
  const camel = (text: string): string =>
    text.replace(/-([a-z0-9])/g, (_match, letter: string) => letter.toUpperCase());
  if (flag.startsWith('no-')) return values[camel(flag.slice(3))] === false ? 'true' : undefined;
  const value = values[camel(flag)];
  return value === undefined ? undefined : String(value);
}

function exitCodeOf(error: unknown, runtime: Runtime): number {
  // Help and version end by way of an error, too; commander has printed what there was to print.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  runtime.stderr.write(`ace-operator: ${describeError(error)}\n`);
  if (error instanceof ConfigError) return EXIT_USAGE;
  return error instanceof ConnectionError ? EXIT_UNREACHABLE : EXIT_FAILURE;
}
