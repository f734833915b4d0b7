import type { KubeObject } from '../../api/types.ts';
import type { Change } from '../../derive/diff.ts';
import { isAlreadyExists, TerminalError } from '../../errors.ts';
import { apply, objectKey } from '../../kube/apply.ts';
import type { Downstream } from './work.ts';

/** What came of writing one key's changes. */
export type WriteResult =
  | { readonly kind: 'written'; readonly count: number }
  /** Someone else's object has the name. */
  | { readonly kind: 'conflict'; readonly object: string }
  /** Someone's finalizer holds an object; its DELETED event brings the key back. */
  | { readonly kind: 'waiting' }
  /** The cluster knows more than we had seen; derive the changes again. */
  | { readonly kind: 'stale' };

/**
 * Applies changes in order, and takes the server's answers as seen.
 *
 * AlreadyExists is never a ground to delete: the live object decides whether it is ours (then we had not seen
 * it yet) or another's.
 */
export async function write(changes: readonly Change[], cluster: Downstream): Promise<WriteResult> {
  let isHeld = false;
  for (const change of changes) {
    // Deletions go on, but nothing new may pair with what someone's finalizer holds.
    if (change.verb === 'wait' || (isHeld && change.verb !== 'delete')) return { kind: 'waiting' };
    try {
      isHeld = (await writeOne(change, cluster)) === 'held' || isHeld;
    } catch (error) {
      return await afterRefusal(change, error, cluster);
    }
  }
  return { kind: 'written', count: changes.length };
}

async function writeOne(
  change: Exclude<Change, { verb: 'wait' }>,
  cluster: Downstream,
): Promise<'done' | 'held'> {
  const { client, observed } = cluster;
  const { kind } = change.verb === 'create' ? change.object : change.target;
  cluster.writes.begun(change.verb, kind);
  const answer = await apply(client, change);
  cluster.writes.done(change.verb, kind);
  if (answer === undefined) {
    if (change.verb === 'delete') observed.assumeGone(change.target);
    return 'done';
  }
  observed.assume(answer);
  return change.verb === 'delete' ? 'held' : 'done';
}

/** What a refused write means. @throws the error, when it means nothing but itself */
async function afterRefusal(
  change: Exclude<Change, { verb: 'wait' }>,
  error: unknown,
  cluster: Downstream,
): Promise<WriteResult> {
  if (change.verb === 'create' && isAlreadyExists(error)) return whoseIsIt(change.object, cluster);
  if (change.verb === 'patch' && (await isReplaced(change.target, error, cluster))) return { kind: 'stale' };
  throw error;
}

/**
 * Whether a patch was refused because another object has taken the name: the API server calls a UID that does not match
 * "invalid", as it calls an object that it will never take.
 */
async function isReplaced(target: KubeObject, error: unknown, cluster: Downstream): Promise<boolean> {
  if (!(error instanceof TerminalError)) return false;
  const { client, observed } = cluster;
  const live = (await client.get(objectKey(target))) as KubeObject | undefined;
  if (live?.metadata.uid === target.metadata.uid) return false;
  if (live !== undefined) observed.assume(live);
  else observed.assumeGone(target);
  return true;
}

async function whoseIsIt(object: KubeObject, cluster: Downstream): Promise<WriteResult> {
  const { client, observed } = cluster;
  const live = (await client.get(objectKey(object))) as KubeObject | undefined;
  if (live !== undefined && (observed.isOurs(live) || cluster.adopts)) observed.assume(live);
  else if (live !== undefined) return { kind: 'conflict', object: `${object.kind} ${object.metadata.name}` };
  return { kind: 'stale' };
}
