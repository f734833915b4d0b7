import type { KubeObject } from '../../api/types.ts';
import type { ObservedState } from '../../clusters/observed.ts';
import { type Key, tokenKey, userKey } from '../keys.ts';

/** A key that may have to be looked at. */
export interface ChangedKey {
  readonly key: string;
  /** Whether it has to be, at the moment at which it is asked; left out: it has. */
  readonly isNews?: () => boolean;
}

/** What an object of the cluster stands for: its user, or its token. */
export function keyOf({ kind, metadata: { name } }: KubeObject): string {
  return kind === 'ClusterUserAttribute' ? userKey(name) : tokenKey(name);
}

/** Keys that may have to be looked at because an object of the cluster changed, or went. */
export function keysOf(
  object: KubeObject,
  deleted: boolean,
  observed: Pick<ObservedState, 'isTokenConfirmed' | 'isEcho'>,
): readonly ChangedKey[] {
  const { name } = object.metadata;
  if (object.kind === 'ClusterUserAttribute') return [{ key: keyOf(object) }];
  const userName = object['userName'];
  // The echo of a write of ours says nothing new while another of the same token is still to come, or about to be made. What others
  // wrote does.
  const isEcho = !deleted && observed.isEcho(object);
  return [
    { key: keyOf(object), ...(isEcho ? { isNews: () => observed.isTokenConfirmed(name) } : {}) },
    ...(deleted && typeof userName === 'string' ? [{ key: userKey(userName) }] : []),
  ];
}

/** Whether something of what a key stands for is in the cluster, as far as it is observed. */
export function isSeen(
  { kind, name }: Key,
  observed: Pick<ObservedState, 'hasToken' | 'forUser'> | undefined,
): boolean {
  return kind === 'token' ? (observed?.hasToken(name) ?? false) : observed?.forUser(name) !== undefined;
}
