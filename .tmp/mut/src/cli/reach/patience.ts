import type { Patience } from '../../plane/patient.ts';
import { humanDuration } from '../../print/duration.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** Often enough for whoever looks on, seldom enough for whoever reads it afterwards. */
const SAY_AGAIN_MS = 10_000;

export interface PatienceOptions {
  /** Who is busy, as people are told: `cluster c-1`. */
  readonly whom: string;
  /** How long all changes there may take together. Begins now. */
  readonly limitMs: number;
  readonly runtime: Runtime;
  /** Takes a line of progress away before something is said. */
  readonly clear: () => void;
}

/** Waits for a busy server, and says so on stderr: at once, then every ten seconds. */
export function patienceWith({ whom, limitMs, runtime, clear }: PatienceOptions): Patience {
  let saidAtMs = Number.NEGATIVE_INFINITY;
  return {
    limit: AbortSignal.timeout(limitMs),
    onWait: (ms) => {
      const nowMs = runtime.now();
      if (nowMs - saidAtMs < SAY_AGAIN_MS) return;
      saidAtMs = nowMs;
      clear();
      note(`${whom} is busy and has us wait for ${humanDuration(ms)}; it goes on by itself`, runtime);
    },
  };
}

/** What is said when the time was up before all was done. */
export function givenUp(limitMs: number, left: number, total: number, what: string): string {
  return `given up after ${humanDuration(limitMs)}: ${left} of ${total} ${what} are left as they are; it can be run again, --time-limit gives it longer`;
}
