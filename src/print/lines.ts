import stringWidth from 'string-width';
import wrapAnsi from 'wrap-ansi';

/** Lines of a terminal, measured in its cells: a character takes one of them, two, or none (UAX #11). */

/** Cells that a text takes. Colour takes none. */
export function width(text: string): number {
  // Nearly all text: a table of 100,000 tokens is measured cell by cell.
  return ASCII.test(text) ? text.length : stringWidth(text);
}

const ASCII = /^[ -~]*$/;

/** The text and blanks behind it, so many cells in all. A text that is longer stays as it is. */
export function padded(text: string, cells: number): string {
  return text + ' '.repeat(Math.max(0, cells - width(text)));
}

/**
 * Lines of at most so many cells, broken between words only: a word that is longer has a line of its own.
 *
 * @param cells - undefined: one line, however long, for whoever reads line by line
 */
export function wrapped(text: string, cells: number | undefined): readonly string[] {
  if (cells === undefined) return [text];
  return wrapAnsi(text, Math.max(1, cells), { hard: false, wordWrap: true, trim: true }).split('\n');
}

/** Less than this beside an indent is no room to read in: the text then begins at the next lower indent. */
const MIN_TEXT = 24;

/**
 * A paragraph whose later lines are indented, as far as the terminal has room for that.
 *
 * @param first - what stands before the first line; it may be painted
 * @param columns - of the terminal; undefined: one line
 */
export function hanging(first: string, text: string, columns: number | undefined): string {
  const indent = width(first);
  if (columns !== undefined && columns - indent < MIN_TEXT) return wrapped(first + text, columns).join('\n');
  const lines = wrapped(text, columns === undefined ? undefined : columns - indent);
  return first + lines.join(`\n${' '.repeat(indent)}`);
}

/** Made when it is needed: making the first one takes ICU 20 ms. */
let graphemes: Intl.Segmenter | undefined;

/** The beginning of a text that fits so many cells; nothing that is seen as one is cut in two. */
export function cut(text: string, cells: number): string {
  let [kept, room] = ['', cells];
  graphemes ??= new Intl.Segmenter('en', { granularity: 'grapheme' });
  for (const { segment } of graphemes.segment(text)) {
    room -= width(segment);
    if (room < 0) break;
    kept += segment;
  }
  return kept;
}
