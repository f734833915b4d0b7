import type { KubeObject } from '../api/types.ts';
import { mergePatch } from '../derive/merge-patch.ts';
import { isAlreadyExists, TerminalError } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import type { Addressed } from './downstream-objects.ts';

export type Outcome = 'created' | 'configured' | 'unchanged';

/**
 * Makes an object be as it should: made where it is missing, changed where it differs, left alone otherwise. Labels and annotations
 * of others stay.
 *
 * @param dryRun - `client`: nothing is sent; `server`: the API server does all but store it
 * @throws {TerminalError} `Rejected` when what differs cannot be changed
 * @throws {ApiError | ConnectionError}
 */
export async function put(
  client: KubeClient,
  { resource, object }: Addressed,
  dryRun: 'none' | 'client' | 'server',
): Promise<Outcome> {
  const { name, namespace } = object.metadata;
  const key = { resource, name, namespace };
  const options = { dryRun: dryRun === 'server' };
  const live = (await client.get(key)) as KubeObject | undefined;
  if (live === undefined) {
    try {
      if (dryRun !== 'client') await client.create(resource, object, options);
      return 'created';
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
      // Somebody was quicker: what they made is looked at.
      return put(client, { resource, object }, dryRun);
    }
  }
  const patch = mergePatch({ ...live }, { ...object });
  if (patch === undefined) return 'unchanged';
  if ('roleRef' in patch)
    throw new TerminalError(
      'Rejected',
      `${object.kind} ${name} is bound to another role, which cannot be changed; look at it, delete it, and run this again`,
    );
  const { uid } = live.metadata;
  if (dryRun !== 'client')
    await client.patch(key, { ...patch, metadata: { ...(patch['metadata'] as object), uid } }, options);
  return 'configured';
}
