import { hanging, padded, width } from './lines.ts';
import { printable } from './printable.ts';
import type { Paint, Tone } from './style.ts';

/** One line of a list of checks. */
export interface Check {
  readonly title: string;
  readonly state: 'ok' | 'broken' | 'warning' | 'unknown' | 'skipped';
  readonly reason?: string;
  readonly detail: string;
  readonly remedy?: string;
}

const MARKS: Readonly<Record<Check['state'], { mark: string; tone: Tone }>> = {
  ok: { mark: '✓', tone: 'good' },
  broken: { mark: '✗', tone: 'bad' },
  warning: { mark: '!', tone: 'doubt' },
  unknown: { mark: '?', tone: 'doubt' },
  skipped: { mark: '-', tone: 'dim' },
};

export interface ChecklistOptions {
  readonly paint: Paint;
  /** What to do stands below each that is not in order. */
  readonly remedies: boolean;
  /** Of the terminal; undefined: each check in one line. */
  readonly columns: number | undefined;
}

/** Checks, one a line; on a terminal a long one goes on below its own text. */
export function checklist(checks: readonly Check[], { paint, remedies, columns }: ChecklistOptions): string {
  const cells = Math.max(0, ...checks.map(({ title }) => width(title)));
  return checks
    .flatMap(({ title, state, reason, detail, remedy }) => {
      const { mark, tone } = MARKS[state];
      const why = reason ? `${paint(tone, reason)}: ` : '';
      const text = state === 'skipped' ? paint('dim', printable(detail)) : `${why}${printable(detail)}`;
      const line = hanging(`  ${paint(tone, mark)} ${padded(title, cells)}  `, text, columns);
      const more = remedies && remedy ? [hanging(' '.repeat(cells + 6), printable(remedy), columns)] : [];
      return [line, ...more].map((one) => `${one}\n`);
    })
    .join('');
}

/** The mark of a whole answer. */
export function mark(state: Check['state'], paint: Paint): string {
  return paint(MARKS[state].tone, MARKS[state].mark);
}
