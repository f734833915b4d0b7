import type { Resource } from '../../api/names.ts';
import { type Result, requeueAfter } from '../decide/result.ts';
import type { ClusterContext } from './cluster-context.ts';

/** How long to wait when the live object exists although our store does not have it: the watch lags behind. */
const LAG_MS = 1_000;

export type Absence =
  /** Gone for certain, and it may be taken away downstream. */
  | { readonly kind: 'confirmed' }
  /** Gone for certain, but so many with it that a person has to say so. */
  | { readonly kind: 'blocked' }
  /** Not gone at all. */
  | { readonly kind: 'present'; readonly result: Result };

/**
 * Whether something that is not in our store is really gone: by a live read, and past the GC brake.
 *
 * A delete event plus a live 404 is positive evidence and is never braked. Without the event, a sweep must
 * have looked at the whole cluster first.
 *
 * @param keys - what the evidence or the sweep's approval may be filed under
 * @throws whatever the live read throws; a management plane that does not answer proves nothing
 */
export async function confirmAbsence(
  keys: readonly string[],
  object: { resource: Resource; name: string },
  cluster: ClusterContext,
): Promise<Absence> {
  if ((await cluster.live.get(object)) !== undefined)
    return { kind: 'present', result: requeueAfter(LAG_MS, true) };
  if (keys.some((key) => cluster.evidence.has(key) || cluster.isApproved(key))) return { kind: 'confirmed' };
  cluster.requestSweep();
  return { kind: 'blocked' };
}
