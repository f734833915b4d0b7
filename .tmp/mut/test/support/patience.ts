import type { Patience } from '../../src/plane/patient.ts';

/** Waits for as long as it takes, and tells nobody. */
export function endlessPatience(): Patience {
  return { limit: new AbortController().signal, onWait: () => {} };
}
