import { environmentName, type Flag } from '../../config/flags.ts';
import { width as cellsOf, padded, wrapped } from '../../print/lines.ts';
import type { Argument, Command, CommandEntry } from '../terminal/command.ts';

/** What a page of help is about. */
export interface Page {
  /** As it is typed: `kubectl ace token create`. */
  readonly path: string;
  /** The program alone: `kubectl ace`. */
  readonly program: string;
  readonly command: Command;
  readonly columns: number;
}

const MIN_COLUMNS = 60;
const MAX_COLUMNS = 110;
const INDENT = '  ';
/** A first column wider than this has its text begin on the next line. */
const MAX_LABEL = 34;

/** The manual page of a command: what, how, examples, arguments, flags, exit codes. */
export function helpPage(page: Page): string {
  const { command } = page;
  const width = Math.max(MIN_COLUMNS, Math.min(page.columns, MAX_COLUMNS));
  const sections = [
    command.description
      .split('\n\n')
      .map((paragraph) => wrapped(paragraph, width).join('\n'))
      .join('\n\n'),
    section('Usage', [INDENT + usage(page)]),
    section('Commands', list(commandRows(command.subcommands ?? []), width)),
    section('Examples', examples(page)),
    section(
      'Arguments',
      list(
        (command.arguments ?? []).map(({ name, help }) => [name, help]),
        width,
      ),
    ),
    section('Flags', list([...(command.flags ?? []).map(flagRow), ...ownRows(page)], width)),
    section('Exit codes', list(exitRows(command), width)),
    command.subcommands ? `More about a command: ${page.path} COMMAND --help` : '',
  ];
  return `${sections.filter((text) => text !== '').join('\n\n')}\n`;
}

type Row = readonly [label: string, text: string];

const HELP_ROW: Row = ['-h, --help', 'show this'];
const VERSION_ROW: Row = ['    --version', 'show the version'];

/** The program's own page has one more. */
function ownRows({ path, program }: Page): readonly Row[] {
  return path === program ? [HELP_ROW, VERSION_ROW] : [HELP_ROW];
}

function section(title: string, lines: readonly string[]): string {
  return lines.length === 0 ? '' : [`${title}:`, ...lines].join('\n');
}

function usage({ path, command }: Page): string {
  if (command.subcommands) return `${path} COMMAND [flags]`;
  const names = (command.arguments ?? []).map(argumentText);
  return [path, ...names, '[flags]'].join(' ');
}

/** As in usage lines: `[CLUSTER]`, `TOKEN...`. */
function argumentText({ name, optional, variadic }: Argument): string {
  const text = variadic ? `${name}...` : name;
  return optional ? `[${text}]` : text;
}

function commandRows(entries: readonly CommandEntry[]): readonly Row[] {
  return entries.map(({ name, summary }) => [name, summary]);
}

function examples({ program, command }: Page): readonly string[] {
  return (command.examples ?? []).flatMap(({ what, command: typed }, index) => [
    ...(index === 0 ? [] : ['']),
    `${INDENT}# ${what}`,
    `${INDENT}${program} ${typed}`,
  ]);
}

function flagRow({ flag, short, placeholder, help, fallback, typedOnly, refusesVariable }: Flag): Row {
  const label = `${short === undefined ? '    ' : `-${short}, `}--${flag}${placeholder ? ` ${placeholder}` : ''}`;
  const shown = fallback === '' || placeholder === undefined ? '' : `default ${fallback}`;
  const notes = [typedOnly || refusesVariable ? '' : `env ${environmentName(flag)}`, shown].filter(
    (text) => text !== '',
  );
  return [label, notes.length === 0 ? help : `${help} (${notes.join('; ')})`];
}

const GENERAL_CODES = {
  0: 'fine',
  1: 'the answer is no',
  2: 'a flag, argument or file cannot be used',
  3: 'what is needed cannot be reached',
} as const;

function exitRows({ exitCodes }: Command): readonly Row[] {
  const own: Readonly<Partial<Record<number, string>>> = { ...GENERAL_CODES, ...exitCodes };
  return Object.entries(own).map(([code, what]) => [code, what ?? '']);
}

function list(rows: readonly Row[], width: number): readonly string[] {
  const labelWidth = Math.min(MAX_LABEL, Math.max(0, ...rows.map(([label]) => cellsOf(label))));
  const textAt = INDENT.length + labelWidth + 2;
  return rows.flatMap(([label, text]) => {
    const [first = '', ...rest] = wrapped(text, width - textAt);
    const fits = cellsOf(label) <= labelWidth;
    const head = fits
      ? [`${INDENT}${padded(label, labelWidth)}  ${first}`]
      : [`${INDENT}${label}`, ' '.repeat(textAt) + first];
    return [...head, ...rest.map((line) => ' '.repeat(textAt) + line)];
  });
}
