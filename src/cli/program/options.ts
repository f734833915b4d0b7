import { Option, type Command as Parser } from 'commander';
import type { Flag, Given } from '../../config/flags.ts';

/** A flag as commander parses it. What it means for people is printed by help.ts. */
export function optionOf({ flag, short, placeholder, help, repeatable, separator = ',' }: Flag): Option {
  const names = `${short === undefined ? '' : `-${short}, `}--${flag}`;
  if (placeholder === undefined) return new Option(names, help).preset('true');
  const option = new Option(`${names} <${placeholder}>`, help);
  if (!repeatable) return option;
  return option.argParser((value: string, before?: string) =>
    before === undefined ? value : before + separator + value,
  );
}

/** The flags that were given, as text. */
export function flagsOf(parser: Parser, flags: readonly Flag[]): Given {
  const values = parser.opts<Record<string, string | boolean | undefined>>();
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

/**
 * What was typed, with the flags in front of the command behind it: kubectl takes them in either place. Only those that nearly every
 * command has; the command itself says whether it does. Pure.
 *
 * @param flags - those that may stand there
 */
export function commandFirst(typed: readonly string[], flags: readonly Flag[]): readonly string[] {
  let count = 0;
  for (let taken = wordsOf(typed[0], flags); taken > 0; taken = wordsOf(typed[count], flags)) count += taken;
  const [before, rest] = [typed.slice(0, count), typed.slice(count)];
  // A flag that lacks its value would take the command's name for it.
  if (rest.length === 0) return typed;
  const end = rest.indexOf('--');
  return end < 0 ? [...rest, ...before] : [...rest.slice(0, end), ...before, ...rest.slice(end)];
}

/** How many words a flag takes, itself included; 0: it is none of these. */
function wordsOf(word: string | undefined, flags: readonly Flag[]): number {
  const [, letter, attached = ''] = /^-([a-z])(.*)$/s.exec(word ?? '') ?? [];
  const [, name, value] = /^--([a-z][a-z-]*)(=.*)?$/s.exec(word ?? '') ?? [];
  const found = flags.find(({ flag, short }) => flag === name || (letter !== undefined && short === letter));
  if (!found) return 0;
  const isWhole = found.placeholder === undefined || value !== undefined || attached !== '';
  return isWhole ? 1 : 2;
}
