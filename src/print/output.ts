import { printable } from './printable.ts';
import { paint } from './style.ts';
import { type Column, GrowingTable, table } from './table.ts';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml' | 'name';

/** Where and how an answer is printed. */
export interface Printer {
  readonly format: OutputFormat;
  readonly headers: boolean;
  readonly isTerminal: boolean;
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

/** Prints one object as JSON or YAML. */
export async function printObject(object: unknown, format: 'json' | 'yaml', printer: Printer): Promise<void> {
  const { jsonText, yamlText } = await import('./document.ts');
  printer.write(format === 'json' ? jsonText(object) : yamlText(object));
}

function whole<T>({ rows, object, single }: Answer<T>): unknown {
  const objects = rows.map(object);
  return single && objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects };
}
