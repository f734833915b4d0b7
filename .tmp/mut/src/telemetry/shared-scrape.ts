import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Registry } from 'prom-client';

/** Making texts takes no more than this part of the process's time, whoever asks how often. */
const BUSY_PART = 0.05;
/** Milliseconds of making that may come at once: people, tests and two Prometheuses always get a new text. */
const BURST_MS = 500;
/**
 * What one text counts for at least: ten at once, then one a second. A peer that reads nothing holds the text that it asked for as
 * long as its connection lasts, so it is texts that fill the memory, not peers.
 */
const LEAST_COST_MS = 50;

/**
 * The text that Prometheus reads, made once at a time. Who asks while it is being made gets the same one; so does who
 * asks after it, once too much time has gone into such texts.
 */
export class SharedScrape {
  readonly #make: () => Promise<string>;
  readonly #now: () => number;
  #making: Promise<Buffer> | undefined;
  #last: Buffer | undefined;
  #creditMs = BURST_MS;
  #creditedAtMs: number;

  /**
   * @param make - counts, and writes the text
   * @param now - milliseconds of a clock that never goes back
   */
  constructor(make: () => Promise<string>, now: () => number = () => performance.now()) {
    this.#make = make;
    this.#now = now;
    this.#creditedAtMs = now();
  }

  /** One and the same Buffer for all: a hundred who do not read what they asked for cost what one does. */
  text(): Promise<Buffer> {
    if (this.#making) return this.#making;
    if (this.#last && this.#credit() <= 0) return Promise.resolve(this.#last);
    this.#making = this.#makeOnce().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #makeOnce(): Promise<Buffer> {
    const beganAtMs = this.#now();
    try {
      this.#last = Buffer.from(await this.#make());
      return this.#last;
    } finally {
      this.#creditMs = this.#credit() - Math.max(LEAST_COST_MS, this.#now() - beganAtMs);
    }
  }

  #credit(): number {
    const nowMs = this.#now();
    this.#creditMs = Math.min(BURST_MS, this.#creditMs + (nowMs - this.#creditedAtMs) * BUSY_PART);
    this.#creditedAtMs = nowMs;
    return this.#creditMs;
  }
}

/** All metrics as Prometheus reads them. Others have their turn in between: a revocation must not wait for them all. */
export async function registryText(registry: Registry): Promise<string> {
  const parts: string[] = [];
  for (const { name } of registry.getMetricsAsArray()) {
    parts.push(await registry.getSingleMetricAsString(name));
    await nextTurn();
  }
  return `${parts.join('\n\n')}\n`;
}
