import { LRUCache } from 'lru-cache';
import type { Token } from '../../api/types.ts';

/** Tokens under way between clusters that are remembered; more than are ever moved at a time. */
const MAX_MOVES = 50_000;

/** A cluster that a token may be moved to. */
export interface Destination {
  /** True when this cluster has the token, or is not going to. */
  isSettledFor(token: Token): boolean;
}

/** Since when tokens that were moved are awaited in their new cluster. */
export class Handover {
  readonly #destination: (cluster: string) => Destination | undefined;
  readonly #now: () => number;
  /** By token UID. */
  readonly #sinceMs = new LRUCache<string, number>({ max: MAX_MOVES });

  constructor(destination: (cluster: string) => Destination | undefined, now: () => number) {
    this.#destination = destination;
    this.#now = now;
  }

  /**
   * Since when the cluster that a token names now is about to have it: since this was asked first; milliseconds since the
   * epoch. Undefined when that cluster has it, or is not going to.
   */
  awaitedElsewhereSinceMs(token: Token): number | undefined {
    const destination = this.#destination(token.clusterName);
    if (!destination || destination.isSettledFor(token)) {
      this.#sinceMs.delete(token.uid);
      return undefined;
    }
    const sinceMs = this.#sinceMs.get(token.uid) ?? this.#now();
    this.#sinceMs.set(token.uid, sinceMs);
    return sinceMs;
  }
}
