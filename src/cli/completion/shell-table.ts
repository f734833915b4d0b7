import type { Flag } from '../../config/flags.ts';
import type { Argument, CommandEntry } from '../terminal/command.ts';

/** What scripts are made for. */
export const SHELLS = ['bash', 'zsh', 'fish', 'powershell', 'kubectl'] as const;

/** Where the cursor may be: after these words. */
export interface ShellPlace {
  /** Words typed so far, without flags: `token create`; empty for the program itself. */
  readonly chain: string;
  readonly subcommands: readonly { readonly name: string; readonly summary: string }[];
  readonly flags: readonly Flag[];
  readonly argument: Argument | undefined;
}

/** What can stand for a value: fixed words, a file, or names that the management plane has. */
export type ShellValue =
  | { readonly kind: 'words'; readonly words: readonly string[] }
  | { readonly kind: 'file' }
  | { readonly kind: 'names'; readonly of: 'token' | 'cluster' }
  | { readonly kind: 'anything' };

/** Every place in the table of commands, depth first. */
export async function shellPlaces(entries: readonly CommandEntry[]): Promise<readonly ShellPlace[]> {
  return [{ chain: '', subcommands: entries, flags: [], argument: undefined }, ...(await below(entries, ''))];
}

async function below(entries: readonly CommandEntry[], above: string): Promise<readonly ShellPlace[]> {
  const places: ShellPlace[] = [];
  for (const { name, load } of entries) {
    const { subcommands = [], flags = [], arguments: args = [] } = await load();
    const chain = above === '' ? name : `${above} ${name}`;
    places.push({ chain, subcommands, flags, argument: args[0] }, ...(await below(subcommands, chain)));
  }
  return places;
}

/** Flags whose value is the name of something. */
const NAMING: Readonly<Record<string, 'token' | 'cluster'>> = { cluster: 'cluster', 'token-name': 'token' };

/** What a flag takes; undefined for a switch. */
export function flagValue({ flag, placeholder, choices }: Flag): ShellValue | undefined {
  if (placeholder === undefined) return undefined;
  if (choices) return { kind: 'words', words: choices };
  const named = NAMING[flag];
  if (named) return { kind: 'names', of: named };
  return placeholder === 'FILE' ? { kind: 'file' } : { kind: 'anything' };
}

export function argumentValue(argument: Argument | undefined): ShellValue {
  const { completes } = argument ?? {};
  if (completes === undefined || completes === 'user') return { kind: 'anything' };
  return typeof completes === 'string'
    ? { kind: 'names', of: completes }
    : { kind: 'words', words: completes };
}

/** How a flag is typed: `-o`, `--output`. */
export function spellings({ flag, short }: Flag): readonly string[] {
  return [...(short === undefined ? [] : [`-${short}`]), `--${flag}`];
}

/** The commands that print names, where they exist: `-o name` gives `KIND/NAME`. */
export function namingCommands(
  entries: readonly CommandEntry[],
): Readonly<Record<'token' | 'cluster', string | undefined>> {
  const has = (name: string): boolean => entries.some((entry) => entry.name === name);
  return {
    token: has('token') ? 'token list' : undefined,
    // Names are all it takes: one cluster that does not answer would hold up the shell.
    cluster: has('status') ? 'status --management-only' : undefined,
  };
}
