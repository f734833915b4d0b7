import { ANNOTATION_FINGERPRINT } from '../../api/names.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { HashAlgorithmName, KubeObject, Token } from '../../api/types.ts';
import type { HashToWrite } from '../../derive/desired.ts';
import { detectFormat } from '../../hash/detect.ts';
import { fingerprint, fingerprintsEqual } from '../../hash/fingerprint.ts';
import { HASH_ALGORITHMS } from '../../hash/format.ts';
import { acceptsSecret, maxSecretBytes } from '../../hash/limits.ts';
import { tokenKey } from '../keys.ts';
import type { ConnectedContext } from './cluster-context.ts';

export type HashChoice =
  | { readonly kind: 'ready'; readonly hash: HashToWrite }
  /** It is being made; the key comes back when it is there. */
  | { readonly kind: 'pending' }
  | { readonly kind: 'refused'; readonly reason: TokenReason; readonly message: string };

/** Hashed upstream: copied. No algorithm of ours is involved, so a change of ours does not touch it. */
const COPIED = 'copied';

/**
 * The hash that a token should have downstream: copied when management stores a hash, kept when the
 * fingerprint says that the one down there is still right, made otherwise.
 */
export function chooseHash(
  token: Token,
  observed: readonly KubeObject[],
  cluster: ConnectedContext,
): HashChoice {
  const { secret } = token;
  if (secret.kind === 'missing') return { kind: 'pending' };
  if (secret.kind === 'hashed') return copiedHash(token, secret.value, cluster);
  const { algorithm } = cluster;
  if (!acceptsSecret(algorithm, secret.value)) return unhashable(secret.value, algorithm);
  const sign = (hash: string): HashToWrite => ({
    hash,
    fingerprint: fingerprint(cluster.installationKey, {
      tokenUid: token.uid,
      algorithm,
      value: secret.value,
      hash,
    }),
  });
  const current = observed.map(hashIn).find((found) => found && isCurrent(found, sign));
  if (current) return { kind: 'ready', hash: sign(current.hash) };
  const request = { id: token.uid, algorithm, value: secret.value, group: cluster.name };
  const made = cluster.hashes.get(request, () => cluster.queue.add(tokenKey(token.name), 'normal'));
  return made === undefined ? { kind: 'pending' } : { kind: 'ready', hash: sign(made) };
}

function unhashable(secret: string, algorithm: HashAlgorithmName): HashChoice {
  const longest = maxSecretBytes(algorithm);
  if (Buffer.byteLength(secret) <= longest) {
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

function copiedHash(token: Token, value: string, cluster: ConnectedContext): HashChoice {
  if (detectFormat(value) === undefined) {
    return {
      kind: 'refused',
      reason: 'UnsupportedHash',
      message: 'the stored hash is of no format that an authenticator verifies; issue a new token',
    };
  }
  const input = { tokenUid: token.uid, algorithm: COPIED, value, hash: value };
  return { kind: 'ready', hash: { hash: value, fingerprint: fingerprint(cluster.installationKey, input) } };
}

/**
 * Whether the hash in an observed object was made of another secret than the token has now. Its mark then fits under
 * no algorithm; one that fits under another than today's is merely due for conversion. Without a mark nobody can tell.
 */
export function isOfEarlierSecret(token: Token, object: KubeObject, cluster: ConnectedContext): boolean {
  const found = hashIn(object);
  const { secret } = token;
  // A token that is hashed in place has another value and the same secret: nobody can tell that from here.
  if (!found || secret.kind !== 'plain') return false;
  return ![...HASH_ALGORITHMS, COPIED].some((algorithm) => {
    const input = { tokenUid: token.uid, algorithm, value: secret.value, hash: found.hash };
    return fingerprintsEqual(found.fingerprint, fingerprint(cluster.installationKey, input));
  });
}

interface FoundHash {
  readonly hash: string;
  readonly fingerprint: string;
}

/** The hash that an observed object carries, wherever it is stored. */
function hashIn(object: KubeObject): FoundHash | undefined {
  const mark = object.metadata.annotations?.[ANNOTATION_FINGERPRINT];
  if (typeof mark !== 'string') return undefined;
  const data = object['data'] as { hash?: unknown } | undefined;
  const encoded = data?.hash;
  if (typeof encoded === 'string')
    return { hash: Buffer.from(encoded, 'base64').toString('utf8'), fingerprint: mark };
  const inline = object['hash'];
  return typeof inline === 'string' && inline !== '' ? { hash: inline, fingerprint: mark } : undefined;
}

function isCurrent(found: FoundHash, sign: (hash: string) => HashToWrite): boolean {
  return fingerprintsEqual(found.fingerprint, sign(found.hash).fingerprint);
}
