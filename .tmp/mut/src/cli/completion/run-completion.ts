import { ConfigError } from '../../errors.ts';
import type { Invocation } from '../terminal/command.ts';
import { EXIT_OK } from '../terminal/exit.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { fishScript } from './shell-fish.ts';
import { bashScript, kubectlScript, type ShellTable, zshScript } from './shell-posix.ts';
import { powershellScript } from './shell-powershell.ts';
import { namingCommands, SHELLS, shellPlaces } from './shell-table.ts';

type Shell = (typeof SHELLS)[number];

const SCRIPTS: Readonly<Record<Shell, (table: ShellTable) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  powershell: powershellScript,
  kubectl: kubectlScript,
};

/** `completion SHELL`. @returns the exit code @throws {ConfigError} for a shell that we do not know */
export async function runCompletion({ args, commands }: Invocation, runtime: Runtime): Promise<number> {
  const shell = SHELLS.find((known) => known === args[0]);
  if (shell === undefined) throw new ConfigError(`wanted ${SHELLS.join(', ')}; got '${args[0] ?? ''}'`);
  const table = { places: await shellPlaces(commands), naming: namingCommands(commands) };
  runtime.stdout.write(SCRIPTS[shell](table));
  return EXIT_OK;
}
