import type { KubeObject } from '../../src/api/types.ts';

/** One way in: whoever knows the secret of `hash` is `userName`. */
export interface Way {
  readonly token: string;
  readonly userName: unknown;
  readonly hash: string;
}

/**
 * What an authenticator would accept on seeing these objects: an enabled ClusterAuthToken with a hash, its own
 * or that of the Secret of its name. It knows nothing of labels, UIDs and deletion timestamps.
 */
export function waysIn(objects: Iterable<KubeObject>): readonly Way[] {
  const all = [...objects];
  return all.flatMap((object) => {
    if (object.kind !== 'ClusterAuthToken' || object['enabled'] !== true) return [];
    const token = object.metadata.name;
    const hash = hashFor(object, all);
    return hash === '' ? [] : [{ token, userName: object['userName'], hash }];
  });
}

/** The same, of users who are let in at all: there is a ClusterUserAttribute, and it is enabled. */
export function waysOfUsersIn(objects: Iterable<KubeObject>): readonly Way[] {
  const all = [...objects];
  const users = all.filter(({ kind, enabled }) => kind === 'ClusterUserAttribute' && enabled === true);
  return waysIn(all).filter(({ userName }) => users.some(({ metadata }) => metadata.name === userName));
}

function hashFor(clusterAuthToken: KubeObject, all: readonly KubeObject[]): string {
  const inline = clusterAuthToken['hash'];
  if (typeof inline === 'string' && inline !== '') return inline;
  const secret = all.find(
    ({ kind, metadata }) => kind === 'Secret' && metadata.name === clusterAuthToken.metadata.name,
  );
  const data = secret?.['data'] as { hash?: string } | undefined;
  return Buffer.from(data?.hash ?? '', 'base64').toString('utf8');
}
