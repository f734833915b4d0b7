import type { Propagation } from '../../api/types.ts';

/** What is known of a cluster whose Cluster is gone for certain. */
export interface Remains {
  /** Undefined: somebody deleted it, confirmed by a live read. */
  readonly propagation: Propagation | undefined;
  /** Credentials that lead there are at hand, of whatever kind. */
  readonly hasCredentials: boolean;
  /** A record of what is there, or the way to it, was kept: it was reached once. */
  readonly wasReached: boolean;
  /** Nothing of ours is left there. */
  readonly isDrained: boolean;
  readonly nowMs: number;
}

/** How work on a deleted cluster ends; or in how many milliseconds to look again; or undefined: it goes on. */
export type Ending =
  | { readonly kind: 'over'; readonly why: 'GivenUp' | 'NeverReached' | 'Drained' }
  | { readonly kind: 'later'; readonly delayMs: number };

/** For so long it can be seen, and waited for, that a cluster is drained. */
const SHOWN_MS = 30_000;

/**
 * A cluster that is no more is over when somebody gives it up by deleting its ClusterPropagation, when nothing of ours is left
 * there, or when nothing of ours ever was. Until then what is owed there is kept, however long nobody can reach it.
 */
export function endingOf(remains: Remains): Ending | undefined {
  const { propagation, hasCredentials, wasReached, isDrained, nowMs } = remains;
  if (propagation === undefined) return { kind: 'over', why: 'GivenUp' };
  // What a person wrote is not ours to delete.
  if (!propagation.isOurs) return undefined;
  const { status } = propagation;
  if (isDrained) {
    const drained = status.conditions?.find((one) => one.type === 'Drained' && one.status === 'True');
    if (!drained) return undefined;
    const delayMs = Date.parse(drained.lastTransitionTime ?? '') + SHOWN_MS - nowMs;
    return delayMs > 0 ? { kind: 'later', delayMs } : { kind: 'over', why: 'Drained' };
  }
  const wasSynced = status.lastSyncTime !== undefined || (status.synced ?? 0) > 0;
  return wasReached || wasSynced || hasCredentials ? undefined : { kind: 'over', why: 'NeverReached' };
}
