import { styleText } from 'node:util';

interface Line {
  readonly title: string;
  readonly ms: number;
  readonly failure: string | undefined;
}

/** Says what is being done while it is done, and sums it up in a table. */
export class Report {
  readonly #out: NodeJS.WriteStream;
  readonly #lines: Line[] = [];

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  get passed(): boolean {
    return this.#lines.length > 0 && this.#lines.every(({ failure }) => failure === undefined);
  }

  /** Runs one step, timed. A failed one ends the demo. */
  async step<T>(title: string, run: () => Promise<T>): Promise<T> {
    this.#out.write(`${this.#style('bold', `▶ ${title}`)}\n`);
    const startMs = performance.now();
    try {
      const result = await run();
      this.#lines.push({ title, ms: performance.now() - startMs, failure: undefined });
      return result;
    } catch (error) {
      this.#lines.push({ title, ms: performance.now() - startMs, failure: causes(error) });
      throw error;
    }
  }

  /** Shows what a command printed. */
  show(text: string): void {
    for (const line of text.trimEnd().split('\n')) this.#out.write(`    ${this.#style('dim', line)}\n`);
  }

  print(): void {
    const width = Math.max(...this.#lines.map(({ title }) => title.length));
    this.#out.write('\n');
    for (const { title, ms, failure } of this.#lines) {
      const mark = failure === undefined ? this.#style('green', '✓') : this.#style('red', '✗');
      this.#out.write(`${mark} ${title.padEnd(width)} ${(ms / 1000).toFixed(2).padStart(7)} s\n`);
    }
    const failed = this.#lines.find(({ failure }) => failure !== undefined);
    this.#out.write(failed ? `\ndemo: FAIL at "${failed.title}": ${failed.failure}\n` : '\ndemo: PASS\n');
  }

  #style(style: 'bold' | 'dim' | 'green' | 'red', text: string): string {
    return this.#out.isTTY && !process.env['NO_COLOR'] ? styleText(style, text) : text;
  }
}

function causes(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const message = error.message.split('\n')[0] ?? '';
  return error.cause === undefined ? message : `${message}: ${causes(error.cause)}`;
}
