import { styleText } from 'node:util';

/** What a colour means; never the only sign of it. */
export type Tone = 'good' | 'bad' | 'doubt' | 'dim' | 'strong';

/** Paints text, or leaves it as it is. */
export type Paint = (tone: Tone, text: string) => string;

const FORMATS = { good: 'green', bad: 'red', doubt: 'yellow', dim: 'dim', strong: 'bold' } as const;

/** Colour for a terminal whose owner did not ask for none (https://no-color.org: any value but the empty one). */
export function paint(isTerminal: boolean, env: Readonly<Record<string, string | undefined>>): Paint {
  const isWanted = isTerminal && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
  // Whether to paint is decided here, by what main.ts was told, and not by looking at the process.
  return isWanted
    ? (tone, text) => styleText(FORMATS[tone], text, { validateStream: false })
    : (_tone, text) => text;
}
