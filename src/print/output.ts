import { printable } from './printable.ts';
import { paint } from './style.ts';
import { type Column, table } from './table.ts';

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

/** Prints one object as JSON or YAML. */
export async function printObject(object: unknown, format: 'json' | 'yaml', printer: Printer): Promise<void> {
  const { jsonText, yamlText } = await import('./document.ts');
  printer.write(format === 'json' ? jsonText(object) : yamlText(object));
}

function whole<T>({ rows, object, single }: Answer<T>): unknown {
  const objects = rows.map(object);
  return single && objects.length === 1 ? objects[0] : { apiVersion: 'v1', kind: 'List', items: objects };
}
