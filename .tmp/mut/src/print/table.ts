import { padded, width } from './lines.ts';
import { printable } from './printable.ts';
import type { Paint, Tone } from './style.ts';

/** A cell: its text, and what colour it may have. */
export type Cell = string | { readonly text: string; readonly tone: Tone };

export interface Column<T> {
  /** In capitals, as kubectl has them. */
  readonly title: string;
  /** Shown by `-o wide` only. */
  readonly wide?: boolean;
  cell(row: T): Cell;
}

const GAP = '   ';

export interface TableOptions {
  readonly headers: boolean;
  readonly paint: Paint;
}

/** Rows in columns that are as wide as their widest cell, as kubectl prints them. An empty cell is `<none>`. */
export function table<T>(columns: readonly Column<T>[], rows: readonly T[], options: TableOptions): string {
  return new GrowingTable(columns, options).add(rows);
}

/** A table whose rows come by and by: a column is as wide as the widest cell that it has had, and never narrower again. */
export class GrowingTable<T> {
  readonly #columns: readonly Column<T>[];
  readonly #paint: Paint;
  readonly #widths: number[];
  #titles: boolean;

  constructor(columns: readonly Column<T>[], { headers, paint }: TableOptions) {
    this.#columns = columns;
    this.#paint = paint;
    this.#titles = headers;
    this.#widths = columns.map(({ title }) => (headers ? width(title) : 0));
  }

  /** Makes room for rows that come later, as far as they are known. */
  reserve(rows: readonly T[]): void {
    for (const row of rows) this.#measure(this.#cells(row));
  }

  /** @returns the lines of these rows, those of the titles before the first */
  add(rows: readonly T[]): string {
    const cells = rows.map((row) => this.#cells(row));
    for (const line of cells) this.#measure(line);
    const titles = this.#titles ? [this.#columns.map(({ title }) => normal(title))] : [];
    this.#titles = false;
    return [...titles, ...cells].map((line) => `${lineOf(line, this.#widths, this.#paint)}\n`).join('');
  }

  #cells(row: T): readonly Painted[] {
    return this.#columns.map(({ cell }) => normal(cell(row)));
  }

  #measure(line: readonly Painted[]): void {
    line.forEach(({ text }, index) => {
      this.#widths[index] = Math.max(this.#widths[index] ?? 0, width(text));
    });
  }
}

interface Painted {
  readonly text: string;
  readonly tone: Tone | undefined;
}

function normal(cell: Cell): Painted {
  const { text, tone } = typeof cell === 'string' ? { text: cell, tone: undefined } : cell;
  return { text: printable(text === '' ? '<none>' : text), tone };
}

function lineOf(cells: readonly Painted[], widths: readonly number[], paint: Paint): string {
  return cells
    .map(({ text, tone }, index) => {
      const isLast = index === cells.length - 1;
      const painted = tone ? paint(tone, text) : text;
      return isLast ? painted : padded(painted, widths[index] ?? 0);
    })
    .join(GAP);
}
