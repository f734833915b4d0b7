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

/** Rows in columns that are as wide as their widest cell, as kubectl prints them. An empty cell is `<none>`. */
export function table<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  options: { readonly headers: boolean; readonly paint: Paint },
): string {
  const { headers, paint } = options;
  const cells = rows.map((row) => columns.map(({ cell }) => normal(cell(row))));
  const titles = headers ? [columns.map(({ title }) => normal(title))] : [];
  const lines = [...titles, ...cells];
  const widths = columns.map((_, index) =>
    lines.reduce((widest, line) => Math.max(widest, width(line[index]?.text ?? '')), 0),
  );
  return lines.map((line) => `${lineOf(line, widths, paint)}\n`).join('');
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
      const padding = isLast ? '' : ' '.repeat((widths[index] ?? 0) - width(text));
      return (tone ? paint(tone, text) : text) + padding;
    })
    .join(GAP);
}

/** Characters, not UTF-16 units. */
function width(text: string): number {
  return [...text].length;
}
