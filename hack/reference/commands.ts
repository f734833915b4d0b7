import { isDeepStrictEqual } from 'node:util';
import { COMMANDS } from '../../src/cli/program/commands.ts';
import type { Argument, Command, CommandEntry } from '../../src/cli/terminal/command.ts';
import { ASK_FLAGS } from '../../src/config/ask.ts';
import { flagTable } from './flags.ts';
import { cell, code, generatedBy, page, table } from './markdown.ts';

const PROGRAM = 'kubectl ace';
/** They have a page of their own. */
const SERVICES = new Set(['operator', 'authenticator']);

interface Named {
  /** As it is typed: `token create`. */
  readonly path: string;
  readonly summary: string;
  readonly command: Command;
}

/** Every command that a person uses, from what `--help` is made of. */
export async function commandsPage(): Promise<string> {
  const commands = (await named(COMMANDS)).filter(({ path }) => !SERVICES.has(path));
  return page(
    generatedBy('what `--help` is made of'),
    '# Commands',
    'What each command and flag does, as `--help` says it. How to use them, with examples: [cli.md](../cli.md) for those that only look, [cli-tokens.md](../cli-tokens.md) for those that change something.',
    table(
      ['command', 'what it does'],
      commands.map(({ path, summary }) => [`[${code(path)}](#${path.replaceAll(' ', '-')})`, cell(summary)]),
    ),
    `\`operator\` and \`authenticator\`, which run until a signal ends them: [flags.md](flags.md). ${code('-h')}, ${code('--help')} works with every command, ${code('--version')} without any.`,
    '## Exit codes',
    table(
      ['code', 'meaning'],
      [
        ['0', 'fine'],
        ['1', 'the answer is no'],
        ['2', 'a flag, argument or file cannot be used'],
        ['3', 'what is needed cannot be reached'],
      ],
    ),
    'Where a code means more than this, the command says so.',
    '## Shared flags',
    flagTable(ASK_FLAGS),
    ...commands.map(section),
  );
}

async function named(entries: readonly CommandEntry[], above = ''): Promise<readonly Named[]> {
  const found = await Promise.all(
    entries.map(async (entry) => {
      const command = await entry.load();
      const path = above + entry.name;
      const below = await named(command.subcommands ?? [], `${path} `);
      return command.subcommands ? below : [{ path, summary: entry.summary, command }];
    }),
  );
  return found.flat();
}

function section({ path, command }: Named): string {
  return page(
    `## ${path}`,
    prose(command.description),
    fenced([usage(path, command)], 'text'),
    ...(command.arguments?.length ? [argumentTable(command.arguments)] : []),
    flags(command),
    exitCodes(command),
    examples(command),
  ).trimEnd();
}

/** `--help` has no Markdown in it: what looks like a tag is none. */
const prose = (text: string): string => text.replaceAll('<', '&lt;');

const fenced = (lines: readonly string[], language: string): string =>
  [`\`\`\`${language}`, ...lines, '```'].join('\n');

function usage(path: string, command: Command): string {
  const typed = (command.arguments ?? []).map(({ name, optional, variadic }) => {
    const text = variadic ? `${name}...` : name;
    return optional ? `[${text}]` : text;
  });
  return [PROGRAM, path, ...typed, '[flags]'].join(' ');
}

const argumentTable = (given: readonly Argument[]): string =>
  table(
    ['argument', 'meaning'],
    given.map(({ name, help }) => [code(name), cell(help)]),
  );

/** Its own flags as a table; of the shared ones, those that mean the same are named. */
function flags({ flags: all = [] }: Command): string {
  const isShared = (flag: (typeof all)[number]): boolean =>
    ASK_FLAGS.some((shared) => isDeepStrictEqual(shared, flag));
  const own = all.filter((flag) => !isShared(flag));
  const shared = all.filter(isShared).map(({ flag }) => code(`--${flag}`));
  const named = shared.length === ASK_FLAGS.length ? 'all [shared flags](#shared-flags)' : shared.join(', ');
  const also = own.length > 0 ? 'Also' : 'Takes';
  const lines = [
    ...(own.length > 0 ? [flagTable(own)] : []),
    ...(shared.length > 0 ? [`${also} ${named}.`] : []),
  ];
  return lines.join('\n\n');
}

function exitCodes({ exitCodes: own = {} }: Command): string {
  const rows = Object.entries(own).map(([number, what]) => [number, cell(what ?? '')]);
  return rows.length === 0 ? '' : table(['exit code', 'meaning here'], rows);
}

function examples({ examples: shown = [] }: Command): string {
  const lines = shown.flatMap(({ what, command }, index) => [
    ...(index === 0 ? [] : ['']),
    `# ${what}`,
    `${PROGRAM} ${command}`,
  ]);
  return lines.length === 0 ? '' : fenced(lines, 'text');
}
