import { createHash, randomUUID } from 'node:crypto';
import type { KubeObject } from '../src/api/types.ts';
import { desiredTokenObjects } from '../src/derive/desired.ts';
import { withoutNulls } from '../src/derive/merge-patch.ts';

export const NAMESPACE = 'cattle-system';
/** Where the raw writer writes: the operator does not look there. */
export const RAW_NAMESPACE = 'ace-bench-raw';

/** A well-formed `$3:` hash that is of no secret; upstream it stands for a token that was stored hashed. */
export function someHash(name: string): string {
  const digest = createHash('sha512').update(name).digest('base64').replace(/=+$/, '');
  const salt = createHash('sha256')
    .update(name)
    .digest()
    .subarray(0, 8)
    .toString('base64')
    .replace(/=+$/, '');
  return `$3:1:${salt}:${digest}`;
}

/** Secret and ClusterAuthToken as the operator would write them, byte for byte in size. */
export function rawPair(name: string, namespace: string): readonly [KubeObject, KubeObject] {
  const hash = someHash(name);
  const token = {
    name,
    namespace: '',
    uid: randomUUID(),
    resourceVersion: '1',
    userName: 'u-bench-0',
    clusterName: 'c-raw',
    secret: { kind: 'hashed', value: hash },
    enabled: true,
    deleting: false,
    ttlMs: 0,
    api: 'v3',
    isInRanchersCare: false,
    shownUid: '',
    createdAtMs: 0,
    expiresAtMs: undefined,
    lastUsedAtMs: undefined,
    problem: undefined,
  } as const;
  const fingerprint = createHash('sha256').update(name).digest('hex');
  const placement = { cluster: 'c-raw', namespace, storage: 'secret' } as const;
  const [secret, clusterAuthToken] = desiredTokenObjects(token, undefined, { hash, fingerprint }, placement);
  if (!secret || !clusterAuthToken) throw new Error('a pair was expected');
  return [withoutNulls(secret), withoutNulls(clusterAuthToken)];
}
