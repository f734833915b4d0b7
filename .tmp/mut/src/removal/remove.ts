import type { KubeObject } from '../api/types.ts';
import { ApiError, ConnectionError, describeError, isConflict } from '../errors.ts';
import { objectKey } from '../kube/apply.ts';
import type { Writer } from '../kube/client.ts';
import { type Patience, patiently } from '../plane/patient.ts';

/** What came of one object. `held`: somebody's finalizer keeps it; `kept`: it is not to go after all. */
export interface Removed {
  readonly object: KubeObject;
  readonly result: 'deleted' | 'held' | 'kept' | 'failed';
  readonly message?: string;
  /** It failed because the server did not answer, or was too busy to the last. */
  readonly isUnanswered?: boolean;
}

export interface RemoveOptions {
  readonly dryRun: boolean;
  readonly patience: Patience;
  /** Asked before each try: why it must stay after all. What was judged before a server had us wait is out of date. */
  readonly obstacle?: () => Promise<string | undefined>;
}

/** Deletes one object as it was seen; one that another has replaced since is left alone. Never throws. */
export async function removeObject(
  object: KubeObject,
  client: Writer,
  { dryRun, patience, obstacle = async () => undefined }: RemoveOptions,
): Promise<Removed> {
  const { uid = '' } = object.metadata;
  try {
    return await patiently(async () => {
      const message = await obstacle();
      if (message !== undefined) return { object, result: 'kept', message };
      const held = await client.delete(objectKey(object), { uid, dryRun, signal: patience.limit });
      return { object, result: held === undefined ? 'deleted' : 'held' };
    }, patience);
  } catch (error) {
    if (isConflict(error))
      return { object, result: 'kept', message: 'another has taken its name since it was read' };
    return { object, result: 'failed', message: describeError(error), isUnanswered: isUnanswered(error) };
  }
}

/** Whether nobody was there who could do it. */
function isUnanswered(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && [429, 503].includes(error.code));
}
