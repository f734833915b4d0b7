import { SECRETS } from '../../api/names.ts';
import type { KubeObject } from '../../api/types.ts';
import type { Change } from '../../derive/diff.ts';
import { gives, otherWay, takesAway } from '../../derive/takes.ts';
import { ApiError, FencedError, isAlreadyExists, OvertakenError, TerminalError } from '../../errors.ts';
import { apply, isInvalid, objectKey } from '../../kube/apply.ts';
import { mayAdopt } from '../decide/in-the-way.ts';
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
 *
 * @param isStillDue - asked right before each write that gives something to someone, and once more when it is about to be sent:
 *   the decision may have been overtaken while those before it were under way, or while it waited for a connection. What takes
 *   away is not held up
 */
export async function write(
  changes: readonly Change[],
  cluster: Downstream,
  isStillDue: (change: Change) => boolean = () => true,
): Promise<WriteResult> {
  const progress: Progress = { isHeld: false, refusal: undefined, judgedAtMs: performance.now() };
  for (const [index, change] of changes.entries()) {
    const isOvertaken = index > 0 && gives(change) && !isStillDue(change);
    if (index > 0) progress.judgedAtMs = performance.now();
    const end = mustWait(change, progress)
      ? ({ kind: 'waiting' } as const)
      : isOvertaken
        ? ({ kind: 'stale' } as const)
        : await attempt(change, progress, cluster, isStillDue);
    if (end) return finish(end, progress);
  }
  return finish({ kind: 'written', count: changes.length }, progress);
}

type Write = Exclude<Change, { verb: 'wait' }>;

interface Progress {
  /** Someone's finalizer keeps what was deleted. */
  isHeld: boolean;
  /** The first time that something was not let be taken away. */
  refusal: { readonly error: unknown } | undefined;
  /** When it was last looked whether what comes next is due, by a clock that nobody sets. */
  judgedAtMs: number;
}

/** No way to the cluster is shorter: who is told of a change in this time is told while the request is on its way. */
const FRESH_MS = 1;

/** Deletions go on, but nothing new may pair with what someone's finalizer, or a refusal, keeps there. */
function mustWait(change: Change, { isHeld, refusal }: Progress): change is Exclude<Change, Write> {
  return change.verb === 'wait' || ((isHeld || refusal !== undefined) && gives(change));
}

/** @throws the refusal, if there was one: it has to be tried again, whatever else was done */
function finish(end: WriteResult, { refusal }: Progress): WriteResult {
  if (refusal) throw refusal.error;
  return end;
}

/** @returns how the writing ends here, if it does. @throws what says nothing but itself */
async function attempt(
  change: Write,
  progress: Progress,
  cluster: Downstream,
  isStillDue: (change: Change) => boolean,
): Promise<WriteResult | undefined> {
  const isFresh = (): boolean => performance.now() - progress.judgedAtMs < FRESH_MS;
  const isDue = (): boolean => !gives(change) || isFresh() || isStillDue(change);
  try {
    if ((await writeOne(change, cluster, isDue)) === 'held') progress.isHeld = true;
  } catch (error) {
    if (error instanceof OvertakenError) return { kind: 'stale' };
    if (!isRefusedTaking(change, error)) return afterRefusal(change, error, cluster);
    if (change.verb === 'patch' && (await isReplaced(change.target, error, cluster)))
      return { kind: 'stale' };
    await tryOtherWay(change, cluster);
    progress.refusal ??= { error };
  }
  return undefined;
}

/** The API server, or what stands before it, said no to taking something away. */
function isRefusedTaking(change: Change, error: unknown): boolean {
  return takesAway(change) && (isInvalid(error) || (error instanceof ApiError && error.code === 403));
}

/** The refusal is what is told, whatever comes of this: the change itself will be tried again. */
async function tryOtherWay(change: Change, cluster: Downstream): Promise<void> {
  const other = otherWay(change);
  if (other === undefined || other.verb === 'wait') return;
  try {
    await writeOne(other, cluster);
  } catch (error) {
    if (error instanceof FencedError) throw error;
  }
}

async function writeOne(
  change: Write,
  cluster: Downstream,
  isStillDue?: () => boolean,
): Promise<'done' | 'held'> {
  const { client, observed } = cluster;
  const { kind } = change.verb === 'create' ? change.object : change.target;
  cluster.writes.begun(change.verb, kind);
  const answer = await apply(client, change, isStillDue);
  cluster.writes.done(change.verb, kind);
  if (answer === undefined) {
    if (change.verb === 'delete') observed.assumeGone(change.target);
    return 'done';
  }
  observed.assume(answer);
  return change.verb === 'delete' ? 'held' : 'done';
}

/** What a refused write means. @throws the error, when it means nothing but itself */
async function afterRefusal(change: Write, error: unknown, cluster: Downstream): Promise<WriteResult> {
  if (change.verb === 'create' && isAlreadyExists(error)) return whoseIsIt(change.object, cluster);
  if (change.verb === 'patch' && (await isReplaced(change.target, error, cluster))) return { kind: 'stale' };
  throw error;
}

/**
 * Whether a patch was refused because another object has taken the name: the API server calls a UID that does not match
 * "invalid", as it calls an object that it will never take.
 */
async function isReplaced(target: KubeObject, error: unknown, cluster: Downstream): Promise<boolean> {
  if (!(error instanceof TerminalError || isInvalid(error))) return false;
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
  const isToAdopt = (it: KubeObject): boolean =>
    cluster.adopts && mayAdopt(it, observed.forToken(object.metadata.name));
  if (live !== undefined && (observed.isOurs(live) || isToAdopt(live))) observed.assume(live);
  else if (live !== undefined) {
    // What is decided of our half depends on it. Others' Secrets are not watched, so nothing would ever confirm one.
    if (object.kind !== SECRETS.kind) observed.assume(live);
    return { kind: 'conflict', object: `${object.kind} ${object.metadata.name}` };
  }
  return { kind: 'stale' };
}
