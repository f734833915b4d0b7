import {
  ANNOTATION_FINGERPRINT,
  ANNOTATION_TOKEN_API,
  ANNOTATION_TOKEN_UID,
  ANNOTATION_USER_UID,
  CLUSTER_AUTH_TOKENS,
  EXT_TOKENS,
  SECRETS,
} from '../api/names.ts';
import type { KubeObject, Token } from '../api/types.ts';
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
 * A ClusterAuthToken of another user, or of another token (other UID) with another secret, is deleted first: patched in
 * place it would for a moment pair the old user with the new hash. A Secret that nobody may change goes with it.
 *
 * @param desired - in write order; `null` fields must be absent
 * @param observed - in write order: ours, and what is to be taken over
 * @param isOurs - what is not is never deleted: it is closed where it would have been, and then patched
 */
export function diff(
  desired: readonly KubeObject[],
  observed: readonly KubeObject[],
  isOurs: (object: KubeObject) => boolean = () => true,
): readonly Change[] {
  const wanted = new Set(desired.map(keyOf));
  const replaced = observed.filter((object) => isReplaced(object, desired, observed)).reverse();
  const removed = replaced.filter(isOurs);
  const kept = new Map(
    observed.filter((object) => !removed.includes(object)).map((object) => [keyOf(object), object]),
  );
  const orphans = observed.filter((object) => !wanted.has(keyOf(object)) && isOurs(object)).reverse();
  return untilFirstWait([
    ...removed.flatMap((target) => [...removal(target), ...(isAlive(target) ? [] : [waitFor(target)])]),
    ...replaced.filter((target) => !isOurs(target)).flatMap(closing),
    ...desired.flatMap((object) => writeOf(object, kept.get(keyOf(object)), replaced)),
    ...orphans.flatMap(removal),
  ]);
}

/** Someone's finalizer may hold what we deleted, where a webhook still reads it: what pairs with it must not change. */
function untilFirstWait(changes: readonly Change[]): readonly Change[] {
  const first = changes.findIndex(({ verb }) => verb === 'wait');
  return first < 0 ? changes : changes.slice(0, first + 1);
}

function isReplaced(
  object: KubeObject,
  desired: readonly KubeObject[],
  observed: readonly KubeObject[],
): boolean {
  const successor = desired.find((candidate) => keyOf(candidate) === keyOf(object));
  if (!successor) return false;
  if (object.kind === SECRETS.kind) return isFixed(object, successor);
  if (object.kind !== CLUSTER_AUTH_TOKENS.kind) return false;
  const secret = observed.find(({ kind }) => kind === SECRETS.kind);
  if (secret && isReplaced(secret, desired, [])) return true;
  const uid = object.metadata.annotations?.[ANNOTATION_TOKEN_UID];
  const isOtherToken = uid !== undefined && uid !== successor.metadata.annotations?.[ANNOTATION_TOKEN_UID];
  const isOtherHash = hashOf(observed) !== hashOf(desired);
  return (isOtherToken && isOtherHash) || object['userName'] !== successor['userName'];
}

/** Its data should be others, and the API server will take no others. */
function isFixed(secret: KubeObject, { data, type }: KubeObject): boolean {
  return secret['immutable'] === true && mergePatch(secret, { data, type }) !== undefined;
}

function hashOf(pair: readonly KubeObject[]): string | undefined {
  // Where both have one, an authenticator takes that of the ClusterAuthToken.
  return [...pair]
    .reverse()
    .map(hashIn)
    .find((hash) => hash !== undefined);
}

/** The hash that an object carries where its kind has it. */
export function hashIn(object: KubeObject): string | undefined {
  const hash = object.kind === SECRETS.kind ? decodedHash(object) : object['hash'];
  return typeof hash === 'string' && hash !== '' ? hash : undefined;
}

/** Whether it bears the mark of a hash that it does not hold. */
export function hasLostHash(clusterAuthToken: KubeObject): boolean {
  const mark = clusterAuthToken.metadata.annotations?.[ANNOTATION_FINGERPRINT];
  return typeof mark === 'string' && hashIn(clusterAuthToken) === undefined;
}

function decodedHash({ data }: KubeObject): string | undefined {
  const encoded = (data as { hash?: unknown } | null | undefined)?.hash;
  return typeof encoded === 'string' ? Buffer.from(encoded, 'base64').toString('utf8') : undefined;
}

function writeOf(
  object: KubeObject,
  current: KubeObject | undefined,
  replaced: readonly KubeObject[],
): readonly Change[] {
  if (!current) return [{ verb: 'create', object: withoutNulls(object) }];
  if (!isAlive(current)) return [waitFor(current)];
  const from = replaced.includes(current) ? { ...current, enabled: false } : current;
  const patch = mergePatch(from, identityless(object));
  return patch ? [{ verb: 'patch', target: current, patch }] : [];
}

/** It goes; where someone's finalizer would keep it, it is closed first: not everyone who reads it looks whether it is being deleted. */
function removal(target: KubeObject): readonly Change[] {
  const isHeld = (target.metadata.finalizers ?? []).length > 0 || !isAlive(target);
  return [
    ...(isHeld ? closing(target) : []),
    ...(isAlive(target) ? [{ verb: 'delete', target } as const] : []),
  ];
}

/** Refuses a token by what stands in its ClusterAuthToken, where it does not yet. */
function closing(target: KubeObject): readonly Change[] {
  if (target.kind !== CLUSTER_AUTH_TOKENS.kind || target['enabled'] === false) return [];
  return [{ verb: 'patch', target, patch: { enabled: false } }];
}

function waitFor(target: KubeObject): Change {
  return { verb: 'wait', target };
}

/** Whether two changes ask the same of the same object, whatever else was seen of it meanwhile. */
export function isSameChange(a: Change, b: Change): boolean {
  const said = (change: Change): string =>
    JSON.stringify(
      change.verb === 'create'
        ? [change.object]
        : [keyOf(change.target), change.target.metadata.uid, change.verb === 'patch' ? change.patch : ''],
    );
  return a.verb === b.verb && said(a) === said(b);
}

/** Signed anew, under another key: nobody meddled with it. */
export function isMarkOnly(change: Change): boolean {
  if (change.verb !== 'patch') return false;
  const { metadata, ...rest } = change.patch as { readonly metadata?: { readonly annotations?: object } };
  const { annotations = {}, ...others } = metadata ?? {};
  return Object.keys({ ...rest, ...others, ...annotations }).every((key) => key === ANNOTATION_FINGERPRINT);
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

/** Whether any of it says that it was written for another token of that name. What says nothing does not. */
export function isOfAnotherToken(token: Pick<Token, 'uid'>, ours: readonly KubeObject[]): boolean {
  return ours.some((object) => (sourceUid(object) ?? token.uid) !== token.uid);
}

/** Whether it was written for a token of `ext.cattle.io`. */
export function isOfExtToken({ metadata }: KubeObject): boolean {
  return metadata.annotations?.[ANNOTATION_TOKEN_API] === EXT_TOKENS.group;
}

/** Whether it may have been: what does not say for whom it was written, as of Rancher's own controller, may be of either kind. */
export function mayBeOfExtToken(object: KubeObject): boolean {
  return isOfExtToken(object) || sourceUid(object) === undefined;
}

function isAlive(object: KubeObject): boolean {
  return object.metadata.deletionTimestamp === undefined;
}
