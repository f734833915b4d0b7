import { SECRETS } from '../../api/names.ts';
import type { HashAlgorithmName, HashStorage, Token } from '../../api/types.ts';
import { detectFormat } from '../../hash/detect.ts';
import { acceptsSecret, maxSecretBytes } from '../../hash/limits.ts';
import type { HashFact, Rules, Seen } from './facts.ts';

/** Someone else's object under one of the names that a token needs, as `Kind name`; adoption takes it over instead, but not from another Cluster of ours. */
export function inTheWay(
  { adopts, storage }: Pick<Rules, 'adopts' | 'storage'>,
  pair: readonly Seen[],
  attribute: Seen | undefined,
): string | undefined {
  const needed = pair.filter(({ object }) => object.kind !== SECRETS.kind || needsSecret(storage));
  const found = [...needed, ...(attribute ? [attribute] : [])].find(
    ({ isOurs, sibling }) => !isOurs && (!adopts || sibling !== undefined),
  );
  return found && `${found.object.kind} ${found.object.metadata.name}`;
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
export function conflictMessage(object: string, sibling: string | undefined): string {
  if (sibling === undefined)
    return `${object} was not written by this operator; remove it, or set spec.adopt`;
  return `${object} belongs to Cluster ${sibling}, which leads to the same API server; delete one of the two Clusters`;
}
