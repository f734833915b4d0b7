import { printable } from './printable.ts';
import { paint } from './style.ts';
import { type Column, GrowingTable, table } from './table.ts';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** Where and how an answer is printed. */
export interface Printer {
  readonly format: OutputFormat;
  readonly headers: boolean;
  readonly isTerminal: boolean;
  /** Width of the terminal, in cells; undefined where there is none, and lines are as long as they are. */
  readonly columns?: number | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  write(text: string): void;
}

/** Rows for people and objects for programs, from the same values. Neither may hold a secret. */
export interface Answer<T> {
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  /** What `-o json` and `yaml` show of a row, whole. */
  object(row: T): object;
  /** What `-o name` shows of a row: `KIND/NAME`, as kubectl does. */
  name(row: T): string;
  /** `-o json` and `yaml` show the one row itself, not a list. */
  readonly single?: boolean;
  /** Said instead of a table without rows. */
  readonly empty: string;
}

/** Prints an answer in the format that was asked for. The one place that knows the formats. */
export async function printAnswer<T>(answer: Answer<T>, printer: Printer): Promise<void> {
  const { format, headers } = printer;
  if (format === 'json' || format === 'yaml') return printObject(whole(answer), format, printer);
  if (format === 'name') {
    for (const row of answer.rows) printer.write(`${printable(answer.name(row))}\n`);
    return;
  }
  if (answer.rows.length === 0) return printer.write(`${printable(answer.empty)}\n`);
  const columns = answer.columns.filter(({ wide }) => format === 'wide' || !wide);
  printer.write(table(columns, answer.rows, { headers, paint: paint(printer.isTerminal, printer.env) }));
}

/**
 * An answer that comes in parts: rows are printed as they come, documents whole at the end, for half of one is none.
 * Whoever comes first is printed first.
 */
export class AnswerInParts<T> {
  readonly #answer: Omit<Answer<T>, 'rows'>;
  readonly #printer: Printer;
  readonly #table: GrowingTable<T>;
  readonly #rows: T[] = [];

  constructor(answer: Omit<Answer<T>, 'rows'>, printer: Printer) {
    this.#answer = answer;
    this.#printer = printer;
    const columns = answer.columns.filter(({ wide }) => printer.format === 'wide' || !wide);
    this.#table = new GrowingTable(columns, {
      headers: printer.headers,
      paint: paint(printer.isTerminal, printer.env),
    });
  }

  /** Makes room for rows that come later. */
  reserve(rows: readonly T[]): void {
    this.#table.reserve(rows);
  }

  add(rows: readonly T[]): void {
    this.#rows.push(...rows);
    const { format, write } = this.#printer;
    if (rows.length === 0 || format === 'json' || format === 'yaml') return;
    if (format === 'name') write(rows.map((row) => `${printable(this.#answer.name(row))}\n`).join(''));
    else write(this.#table.add(rows));
  }

  /** There are no more. */
  async end(): Promise<void> {
    const { format } = this.#printer;
    const isDocument = format === 'json' || format === 'yaml';
    if (isDocument || this.#rows.length === 0)
      await printAnswer({ ...this.#answer, rows: this.#rows }, this.#printer);
  }
}

/** Of objects that are ours alone, and no server's: what they consist of may change with it only. */
const API_VERSION = 'cli.ace-operator.io/v1alpha1';

function versioned(object: object): object {
  return 'kind' in object && !('apiVersion' in object) ? { apiVersion: API_VERSION, ...object } : object;
}

/** Prints one object as JSON or YAML. One of ours says of which version it is. */
export async function printObject(object: object, format: 'json' | 'yaml', printer: Printer): Promise<void> {
  const { jsonText, yamlText } = await import('./document.ts');
  const whole = versioned(object);
  printer.write(format === 'json' ? jsonText(whole) : yamlText(whole));
}

function whole<T>({ rows, object, single }: Answer<T>): object {
  const objects = rows.map((row) => versioned(object(row)));
  const [first] = objects;
  return single && first && objects.length === 1 ? first : { apiVersion: 'v1', kind: 'List', items: objects };
}
