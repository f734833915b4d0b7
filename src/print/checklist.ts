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

/** Checks, one a line; with `remedies`, what to do stands below each that is not in order. */
export function checklist(
  checks: readonly Check[],
  { paint, remedies }: { readonly paint: Paint; readonly remedies: boolean },
): string {
  const width = Math.max(0, ...checks.map(({ title }) => title.length));
  return checks
    .flatMap(({ title, state, reason, detail, remedy }) => {
      const { mark, tone } = MARKS[state];
      const why = reason ? `${paint(tone, reason)}: ` : '';
      const text = state === 'skipped' ? paint('dim', printable(detail)) : `${why}${printable(detail)}`;
      const line = `  ${paint(tone, mark)} ${title.padEnd(width)}  ${text}\n`;
      return remedies && remedy ? [line, `    ${' '.repeat(width)}  ${printable(remedy)}\n`] : [line];
    })
    .join('');
}

/** The mark of a whole answer. */
export function mark(state: Check['state'], paint: Paint): string {
  return paint(MARKS[state].tone, MARKS[state].mark);
}
