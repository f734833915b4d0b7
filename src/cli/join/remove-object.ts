import type { KubeObject } from '../../api/types.ts';
import type { DryRun } from '../../config/act.ts';
import { type Addressed, isDownstreamAccess } from '../../join/downstream-objects.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { DRY_RUN_SUFFIX, say } from '../terminal/say.ts';

/** Deletes what is there, and says so. @throws {ApiError | ConnectionError} */
export async function remove(
  client: KubeClient,
  { resource, object }: Addressed,
  dryRun: DryRun,
  runtime: Runtime,
): Promise<void> {
  const { name, namespace, uid = '' } = object.metadata;
  if (dryRun !== 'client')
    await client.delete({ resource, name, namespace }, { uid, dryRun: dryRun === 'server' });
  say(`${resource.kind.toLowerCase()}/${name} deleted${DRY_RUN_SUFFIX[dryRun]}`, runtime);
}

/**
 * The same of an object that `join` made downstream, if it is there; somebody else's of that name stays.
 *
 * @returns false where one stays @throws {ApiError | ConnectionError}
 */
export async function removeDownstream(
  client: KubeClient,
  { resource, object }: Addressed,
  dryRun: DryRun,
  runtime: Runtime,
): Promise<boolean> {
  const { name, namespace } = object.metadata;
  const live = (await client.get({ resource, name, namespace })) as KubeObject | undefined;
  if (live === undefined) return true;
  if (!isDownstreamAccess(live)) return false;
  await remove(client, { resource, object: { ...live, kind: object.kind } }, dryRun, runtime);
  return true;
}

/** `Role cattle-system/ace-operator`, as people are told of it. */
export function objectText({ kind, metadata: { name, namespace } }: KubeObject): string {
  return `${kind} ${namespace ? `${namespace}/` : ''}${name}`;
}
