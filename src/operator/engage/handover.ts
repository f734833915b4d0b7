import { LRUCache } from 'lru-cache';
import type { Token } from '../../api/types.ts';
import { upTo } from '../../growing-cache.ts';
import type { Management } from '../upstream/management.ts';

/** Tokens under way between clusters that are remembered; more than are ever moved at a time. */
const MAX_MOVES = 50_000;

/** A cluster that a token may be moved to. */
export interface Destination {
  /** True when this cluster has the token, or is not going to. */
  isSettledFor(token: Token): boolean;
}

/** Since when tokens that were moved are awaited in their new cluster. */
export class Handover {
  readonly #destination: (cluster: string, from: string) => Destination | undefined;
  readonly #now: () => number;
  /** By token UID. */
  readonly #sinceMs = new LRUCache<string, number>(upTo(MAX_MOVES));

  /** @param destination - of a token that was moved from another cluster; undefined: nobody waits for it there */
  constructor(destination: (cluster: string, from: string) => Destination | undefined, now: () => number) {
    this.#destination = destination;
    this.#now = now;
  }

  /**
   * Since when the cluster that a token names now is about to have it: since this was asked first; milliseconds since the
   * epoch. Undefined when that cluster has it, or is not going to.
   *
   * @param from - the cluster that it was moved from
   */
  awaitedElsewhereSinceMs(token: Token, from: string): number | undefined {
    const destination = this.#destination(token.clusterName, from);
    if (!destination || destination.isSettledFor(token)) {
      this.#sinceMs.delete(token.uid);
      return undefined;
    }
    const sinceMs = this.#sinceMs.get(token.uid) ?? this.#now();
    this.#sinceMs.set(token.uid, sinceMs);
    return sinceMs;
  }
}

/**
 * A cluster that another replica works on, for a token that was moved there: what it has is not known here. Where both lead to the
 * same API server, by what their status says, the token is awaited for as long as one ever is. Elsewhere nobody has to wait:
 * what goes here lets nobody in there.
 */
export function elsewhere(
  { propagations }: Pick<Management, 'propagations'>,
  to: string,
  from: string,
): Destination | undefined {
  const [there, here] = [propagations.get(to), propagations.get(from)];
  const uid = there?.status.clusterUID;
  if (uid === undefined || uid !== here?.status.clusterUID) return undefined;
  const isConnected = there?.status.conditions?.some(
    ({ type, status }) => type === 'Connected' && status === 'True',
  );
  return isConnected ? { isSettledFor: () => false } : undefined;
}
