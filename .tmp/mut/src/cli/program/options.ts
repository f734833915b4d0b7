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
