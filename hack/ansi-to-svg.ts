/** Draws what a terminal showed: text with colours in, one picture out. */

const COLOURS: Readonly<Record<string, string>> = {
  '31': '#ff7b72',
  '32': '#7ee787',
  '33': '#e3b341',
  '36': '#79c0ff',
};
const TEXT = '#e6edf3';
const FAINT = '#8b949e';
const BACKGROUND = '#0d1117';
const CHARACTER_WIDTH = 8.1;
const LINE_HEIGHT = 18;
const MARGIN = 16;

interface Style {
  readonly colour: string;
  readonly bold: boolean;
}

const PLAIN: Style = { colour: TEXT, bold: false };

interface Cell {
  readonly character: string;
  readonly style: Style;
}

const ESCAPE = String.fromCharCode(27);
/** Select graphic rendition: colours and weight. */
const RENDITION = new RegExp(`${ESCAPE}\\[([\\d;]*)m`);
const CLEAR_LINE = `${ESCAPE}[K`;

/** @param screen - as it came from the terminal, with carriage returns, escape sequences and all */
export function ansiToSvg(screen: string, columns: number): string {
  const rows = shownLines(screen).flatMap((line) => wrapped(cellsOf(line), columns));
  const width = Math.ceil(columns * CHARACTER_WIDTH + 2 * MARGIN);
  const height = rows.length * LINE_HEIGHT + 2 * MARGIN;
  const texts = rows.map((row, index) => {
    const y = MARGIN + LINE_HEIGHT * (index + 0.75);
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${spans(row)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">
<rect width="100%" height="100%" rx="8" fill="${BACKGROUND}"/>
<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="13.5" fill="${TEXT}">
${texts.join('\n')}
</g>
</svg>
`;
}

/** A line that is drawn over (progress) shows what was drawn last. */
function shownLines(screen: string): readonly string[] {
  const lines = screen.replaceAll('\r\n', '\n').split('\n');
  return lines.map((line) => (line.split('\r').at(-1) ?? '').replaceAll(CLEAR_LINE, ''));
}

function cellsOf(line: string): readonly Cell[] {
  let style = PLAIN;
  const cells: Cell[] = [];
  // Even pieces are text, odd ones the numbers of a rendition.
  for (const [index, piece] of line.split(RENDITION).entries()) {
    if (index % 2 === 1) for (const code of piece.split(';')) style = styled(style, code);
    else for (const character of piece) cells.push({ character, style });
  }
  return cells;
}

function styled(style: Style, code: string): Style {
  if (code === '' || code === '0') return PLAIN;
  if (code === '1') return { ...style, bold: true };
  if (code === '2') return { ...style, colour: FAINT };
  if (code === '22') return { bold: false, colour: style.colour === FAINT ? TEXT : style.colour };
  if (code === '39') return { ...style, colour: TEXT };
  return { ...style, colour: COLOURS[code] ?? style.colour };
}

function wrapped(cells: readonly Cell[], columns: number): readonly (readonly Cell[])[] {
  const rows = Math.max(1, Math.ceil(cells.length / columns));
  return Array.from({ length: rows }, (_, row) => cells.slice(row * columns, (row + 1) * columns));
}

/** Neighbours of one style are one span. */
function spans(cells: readonly Cell[]): string {
  let svg = '';
  for (let from = 0; from < cells.length; ) {
    const style = cells[from]?.style ?? PLAIN;
    let to = from;
    while (to < cells.length && isSame(cells[to]?.style, style)) to += 1;
    const text = cells.slice(from, to).map(({ character }) => character);
    svg += span(text.join(''), style);
    from = to;
  }
  return svg;
}

function isSame(a: Style | undefined, b: Style): boolean {
  return a?.colour === b.colour && a.bold === b.bold;
}

function span(text: string, { colour, bold }: Style): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
  return `<tspan fill="${colour}"${bold ? ' font-weight="bold"' : ''}>${escaped}</tspan>`;
}
