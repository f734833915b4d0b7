import { ANNOTATION_TOKEN_UID, ANNOTATION_USER_UID, CLUSTER_AUTH_TOKENS } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { mergePatch, withoutNulls } from './merge-patch.ts';

export type Change =
  | { readonly verb: 'create'; readonly object: KubeObject }
  | { readonly verb: 'patch'; readonly target: KubeObject; readonly patch: Readonly<Record<string, unknown>> }
  | { readonly verb: 'delete'; readonly target: KubeObject }
  /** It is being deleted and takes no writes; nothing after it may be done before it is gone. */
  | { readonly verb: 'wait'; readonly target: KubeObject };

/**
 * Changes that turn `observed` into `desired`: writes in the order of `desired`, then what is wanted by nobody
 * in reverse, so that a ClusterAuthToken goes before its Secret. Empty means that nothing is left to do.
 *
 * A ClusterAuthToken of another token (other UID) or user is deleted first: patched in place it would for a
 * moment pair the old user with the new hash.
 *
 * @param desired - in write order; `null` fields must be absent
 * @param observed - ours only, in write order
 */
export function diff(desired: readonly KubeObject[], observed: readonly KubeObject[]): readonly Change[] {
  const wanted = new Set(desired.map(keyOf));
  const replaced = observed.filter((object) => isReplaced(object, desired));
  const kept = new Map(
    observed.filter((object) => !replaced.includes(object)).map((object) => [keyOf(object), object]),
  );
  const orphans = observed.filter((object) => !wanted.has(keyOf(object))).reverse();
  return untilFirstWait([
    ...replaced.map((target): Change => ({ verb: isAlive(target) ? 'delete' : 'wait', target })),
    ...desired.flatMap((object) => writeOf(object, kept.get(keyOf(object)))),
    ...orphans.filter(isAlive).map((target): Change => ({ verb: 'delete', target })),
  ]);
}

/** Someone's finalizer may hold what we deleted, where a webhook still reads it: what pairs with it must not change. */
function untilFirstWait(changes: readonly Change[]): readonly Change[] {
  const first = changes.findIndex(({ verb }) => verb === 'wait');
  return first < 0 ? changes : changes.slice(0, first + 1);
}

function isReplaced(object: KubeObject, desired: readonly KubeObject[]): boolean {
  if (object.kind !== CLUSTER_AUTH_TOKENS.kind) return false;
  const successor = desired.find((candidate) => keyOf(candidate) === keyOf(object));
  if (!successor) return false;
  const uid = object.metadata.annotations?.[ANNOTATION_TOKEN_UID];
  const otherToken = uid !== undefined && uid !== successor.metadata.annotations?.[ANNOTATION_TOKEN_UID];
  return otherToken || object['userName'] !== successor['userName'];
}

function writeOf(object: KubeObject, current: KubeObject | undefined): readonly Change[] {
  if (!current) return [{ verb: 'create', object: withoutNulls(object) }];
  if (!isAlive(current)) return [{ verb: 'wait', target: current }];
  const patch = mergePatch(current, identityless(object));
  return patch ? [{ verb: 'patch', target: current, patch }] : [];
}

/** Name and namespace address the object; they are not part of the patch. */
function identityless(object: KubeObject): Readonly<Record<string, unknown>> {
  const { name: _name, namespace: _namespace, ...metadata } = object.metadata;
  return { ...object, metadata };
}

/** Kind and name: within one cluster all our objects are in one namespace. */
export function keyOf(object: KubeObject): string {
  return `${object.kind}/${object.metadata.name}`;
}

/** The UID of the management object that this was written for, when it says so. */
export function sourceUid(object: KubeObject): string | undefined {
  const annotations = object.metadata.annotations;
  return annotations?.[ANNOTATION_TOKEN_UID] ?? annotations?.[ANNOTATION_USER_UID] ?? undefined;
}

function isAlive(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp === undefined;
}
