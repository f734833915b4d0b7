import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** One line of a plot. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
}

export interface Plot {
  readonly title: string;
  readonly x: string;
  readonly y: string;
  readonly series: readonly Series[];
}

const [WIDTH, HEIGHT] = [640, 360];
const MARGIN = { left: 70, right: 150, top: 40, bottom: 50 };
const COLOURS = ['#1b6ca8', '#c8553d', '#2e7d32', '#6a4c93', '#b8860b'];
const TICKS = 5;
const RESULTS = fileURLToPath(new URL('./results/', import.meta.url));

/** Writes `results/<name>.svg` for each. */
export function writePlots(plots: Readonly<Record<string, Plot>>): void {
  mkdirSync(RESULTS, { recursive: true });
  for (const [name, plot] of Object.entries(plots)) writeFileSync(`${RESULTS}${name}.svg`, svgOf(plot));
}

/** A plot as SVG: points joined by lines, both axes from zero, readable on light and dark grounds. */
function svgOf({ title, x, y, series }: Plot): string {
  const points = series.flatMap((one) => one.points);
  const maxX = niceMax(Math.max(...points.map(([px]) => px)));
  const maxY = niceMax(Math.max(...points.map(([, py]) => py)));
  const left = (px: number): number =>
    round(MARGIN.left + (px / maxX) * (WIDTH - MARGIN.left - MARGIN.right));
  const top = (py: number): number =>
    round(HEIGHT - MARGIN.bottom - (py / maxY) * (HEIGHT - MARGIN.top - MARGIN.bottom));
  const ticks = Array.from({ length: TICKS + 1 }, (_, index) => index / TICKS);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#ffffff"/>`,
    text(WIDTH / 2, 20, title, 'middle', 14),
    text((left(0) + left(maxX)) / 2, HEIGHT - 12, x, 'middle'),
    `<text x="16" y="${(top(0) + top(maxY)) / 2}" text-anchor="middle" transform="rotate(-90 16 ${(top(0) + top(maxY)) / 2})">${escaped(y)}</text>`,
    ...ticks.flatMap((part) => [
      `<line x1="${left(0)}" x2="${left(maxX)}" y1="${top(part * maxY)}" y2="${top(part * maxY)}" stroke="#dddddd"/>`,
      text(left(0) - 6, top(part * maxY) + 4, label(part * maxY), 'end'),
      text(left(part * maxX), top(0) + 18, label(part * maxX), 'middle'),
    ]),
    ...series.flatMap((one, index) => lineOf(one, index, { left, top })),
    '</svg>',
    '',
  ].join('\n');
}

function lineOf(
  { name, points }: Series,
  index: number,
  at: { left(x: number): number; top(y: number): number },
): readonly string[] {
  const colour = COLOURS[index % COLOURS.length];
  const path = points.map(([x, y]) => `${at.left(x)},${at.top(y)}`).join(' ');
  const y = MARGIN.top + 16 * index;
  return [
    `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>`,
    ...points.map(([px, py]) => `<circle cx="${at.left(px)}" cy="${at.top(py)}" r="3" fill="${colour}"/>`),
    `<rect x="${WIDTH - MARGIN.right + 10}" y="${y - 9}" width="10" height="10" fill="${colour}"/>`,
    text(WIDTH - MARGIN.right + 26, y, name, 'start'),
  ];
}

/** 1, 2 or 5 times a power of ten. */
function niceMax(value: number): number {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 5, 10].find((step) => step * power >= value) ?? 10) * power;
}

const round = (value: number): number => Math.round(value * 10) / 10;
const label = (value: number): string => String(Math.round(value * 100) / 100);

function text(x: number, y: number, words: string, anchor: string, size = 12): string {
  return `<text x="${x}" y="${y}" text-anchor="${anchor}" font-size="${size}">${escaped(words)}</text>`;
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
