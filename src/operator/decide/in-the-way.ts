import { CLUSTER_AUTH_TOKENS, SECRETS } from '../../api/names.ts';
import type { HashAlgorithmName, HashStorage, KubeObject, Token } from '../../api/types.ts';
import { hashIn } from '../../derive/diff.ts';
import { detectFormat } from '../../hash/detect.ts';
import { acceptsSecret, maxSecretBytes } from '../../hash/limits.ts';
import type { HashFact, Rules, Seen } from './facts.ts';

/** Someone else's object under one of the names that a token needs, as `Kind name`, unless adoption takes it over; never from another Cluster of ours. */
export function inTheWay(
  { adopts, storage }: Pick<Rules, 'adopts' | 'storage'>,
  pair: readonly Seen[],
  attribute: Seen | undefined,
): string | undefined {
  const needed = pair.filter(({ object }) => object.kind !== SECRETS.kind || needsSecret(storage));
  const beside = pair.map(({ object }) => object);
  const found = [...needed, ...(attribute ? [attribute] : [])].find(
    ({ object, isOurs, sibling }) =>
      !isOurs && (sibling !== undefined || !(adopts && mayAdopt(object, beside))),
  );
  return found && `${found.object.kind} ${found.object.metadata.name}`;
}

/**
 * Whether adoption may take over an object that we did not write. A Secret may be anybody's, and the name of a token is
 * anybody's choice: only what looks like the hash of a token is taken, and only beside the token.
 *
 * @param beside - what is there of the token of that name
 */
export function mayAdopt(object: KubeObject, beside: readonly KubeObject[]): boolean {
  if (object.kind !== SECRETS.kind) return true;
  const hash = hashIn(object);
  return (
    Object.keys((object['data'] as object | null | undefined) ?? {}).join() === 'hash' &&
    hash !== undefined &&
    detectFormat(hash) !== undefined &&
    object['immutable'] !== true &&
    beside.some(({ kind }) => kind === CLUSTER_AUTH_TOKENS.kind)
  );
}

/** Whether the hash is kept in a Secret of the token's name. */
export function needsSecret(storage: HashStorage): boolean {
  return storage === 'secret';
}

/** A hash that no authenticator verifies, or a secret that our algorithm cannot take; undefined where neither is so. */
export function refusedHash({ secret }: Token, algorithm: HashAlgorithmName): HashFact | undefined {
  if (secret.kind === 'hashed' && detectFormat(secret.value) === undefined) {
    return {
      kind: 'refused',
      reason: 'UnsupportedHash',
      message: 'the stored hash is of no format that an authenticator verifies; issue a new token',
    };
  }
  if (secret.kind !== 'plain' || acceptsSecret(algorithm, secret.value)) return undefined;
  const longest = maxSecretBytes(algorithm);
  if (Buffer.byteLength(secret.value) <= longest) {
    return {
      kind: 'refused',
      reason: 'Malformed',
      message: `token: ${algorithm} cannot take this secret; issue another`,
    };
  }
  return {
    kind: 'refused',
    reason: 'SecretTooLong',
    message: `the secret is longer than the ${longest} bytes that ${algorithm} takes; issue a shorter one or choose another algorithm`,
  };
}

/** @param sibling - id of the other Cluster of this installation that the object belongs to */
export function conflictMessage(object: string, sibling: string | undefined, adopts = false): string {
  if (sibling === undefined && adopts)
    return `${object} is nothing that spec.adopt takes over: no hash of a known format, or no ClusterAuthToken beside it; remove it`;
  if (sibling === undefined)
    return `${object} was not written by this operator; spec.adopt takes it over, where no other controller works here (docs/rancher.md)`;
  return `${object} belongs to Cluster ${sibling}, which leads to the same API server; delete one of the two Clusters`;
}
