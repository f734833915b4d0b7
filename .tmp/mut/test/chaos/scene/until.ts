import { setTimeout as delay } from 'node:timers/promises';

const [PATIENCE_MS, PAUSE_MS] = [60_000, 500];

/** Mending has to succeed, also while something else is broken. @throws {Error} what it last failed by, after a minute */
export async function until(work: () => Promise<unknown>): Promise<void> {
  for (const endMs = Date.now() + PATIENCE_MS; ; await delay(PAUSE_MS)) {
    try {
      await work();
      return;
    } catch (error) {
      if (Date.now() > endMs) throw error;
    }
  }
}
