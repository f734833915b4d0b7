import type { KubeObject } from '../api/types.ts';
import { describeError, isConflict } from '../errors.ts';
import { objectKey } from '../kube/apply.ts';
import type { Writer } from '../kube/client.ts';
import { patiently } from '../plane/patient.ts';

/** What came of one object. `held`: somebody's finalizer keeps it; `kept`: it is not to go after all. */
export interface Removed {
  readonly object: KubeObject;
  readonly result: 'deleted' | 'held' | 'kept' | 'failed';
  readonly message?: string;
}

/** Deletes one object as it was seen; one that another has replaced since is left alone. Never throws. */
export async function removeObject(object: KubeObject, client: Writer, dryRun: boolean): Promise<Removed> {
  const { uid = '' } = object.metadata;
  try {
    const held = await patiently(() => client.delete(objectKey(object), { uid, dryRun }));
    return { object, result: held === undefined ? 'deleted' : 'held' };
  } catch (error) {
    if (isConflict(error))
      return { object, result: 'kept', message: 'another has taken its name since it was read' };
    return { object, result: 'failed', message: describeError(error) };
  }
}
