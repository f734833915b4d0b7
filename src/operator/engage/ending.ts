import { CLUSTER_PROPAGATIONS, CLUSTERS } from '../../api/names.ts';
import type { Propagation } from '../../api/types.ts';
import { ApiError, UnseenError } from '../../errors.ts';
import type { CertainReader } from '../upstream/certain-reader.ts';

/** What is known of a cluster whose Cluster is gone for certain. */
export interface Remains {
  /** Undefined: it is not there, confirmed by a live read. */
  readonly propagation: Propagation | undefined;
  /** That is so because it could not be made; else somebody deleted it. */
  readonly isUnmade: boolean;
  /** Credentials that lead there are at hand, of whatever kind. */
  readonly hasCredentials: boolean;
  /** A record of what is there, or the way to it, was kept: it was reached once. */
  readonly wasReached: boolean;
  /** Nothing of ours is left there. */
  readonly isDrained: boolean;
  readonly nowMs: number;
}

/** Work on a deleted cluster is over. */
export interface Over {
  readonly kind: 'over';
  readonly why: 'GivenUp' | 'NeverReached' | 'Drained';
}

/** How work on a deleted cluster ends; or in how many milliseconds to look again; or undefined: it goes on. */
export type Ending = Over | { readonly kind: 'later'; readonly delayMs: number };

/** For so long it can be seen, and waited for, that a cluster is drained. */
const SHOWN_MS = 30_000;

/**
 * A cluster that is no more is over when somebody gives it up by deleting its ClusterPropagation, when nothing of ours is left
 * there, or when nothing of ours ever was. Until then what is owed there is kept, however long nobody can reach it.
 */
export function endingOf(remains: Remains): Ending | undefined {
  const { propagation, isUnmade, isDrained, nowMs } = remains;
  if (propagation === undefined && !isUnmade) return over('GivenUp');
  // What a person wrote is not ours to delete.
  if (propagation && !propagation.isOurs) return undefined;
  if (isDrained) return propagation ? onceShown(propagation, nowMs) : over('Drained');
  const status = propagation?.status;
  const wasSynced = status?.lastSyncTime !== undefined || (status?.synced ?? 0) > 0;
  return wasSynced || remains.wasReached || remains.hasCredentials ? undefined : over('NeverReached');
}

function onceShown({ status }: Propagation, nowMs: number): Ending | undefined {
  const drained = status.conditions?.find((one) => one.type === 'Drained' && one.status === 'True');
  if (!drained) return undefined;
  const delayMs = Date.parse(drained.lastTransitionTime ?? '') + SHOWN_MS - nowMs;
  return delayMs > 0 ? { kind: 'later', delayMs } : over('Drained');
}

const over = (why: Over['why']): Ending => ({ kind: 'over', why });

type Live = Pick<CertainReader, 'get'>;

/**
 * What has become of a Cluster, by live reads. `given up`: it is gone, and somebody deleted its ClusterPropagation, or the management
 * plane was put back to before both.
 *
 * @param isUnmade - see {@link Remains}
 * @throws {ApiError | ConnectionError | UnseenError} where nobody can tell whether it is there
 */
export async function fateOf(
  name: string,
  live: Live,
  isUnmade: boolean,
): Promise<'there' | 'gone' | 'given up'> {
  if ((await live.get({ resource: CLUSTERS, name })) !== undefined) return 'there';
  return !isUnmade && (await isGivenUp(name, live)) ? 'given up' : 'gone';
}

/** @returns false where nobody can tell: what is there goes on going, and it is asked again at the end */
async function isGivenUp(name: string, live: Live): Promise<boolean> {
  try {
    return (await live.get({ resource: CLUSTER_PROPAGATIONS, name })) === undefined;
  } catch (error) {
    if (error instanceof UnseenError || (error instanceof ApiError && error.code < 429)) return false;
    throw error;
  }
}
