import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { HashAlgorithmName, KubeObject, Token } from '../api/types.ts';
import { isOurs } from '../derive/ownership.ts';
import { detectFormat } from '../hash/detect.ts';
import { acceptsSecret, maxSecretBytes } from '../hash/limits.ts';
import { known } from '../plane/reading.ts';
import type { Evidence } from './evidence.ts';
import { broken, type Hop, type HopId } from './hop.ts';

/** What the operator hashes with unless it, or the cluster, was told otherwise. */
const DEFAULT_ALGORITHM: HashAlgorithmName = 'bcrypt';

/**
 * Why a token that belongs in a cluster is not there, where it can be told without the operator's word: the same grounds on
 * which the operator refuses it. Pure.
 */
export function whyAbsent(id: HopId, token: Token, evidence: Evidence): Hop | undefined {
  const propagation = known(evidence.management.propagation);
  const refused = (reason: TokenReason, detail: string): Hop => broken(id, reason, TOKEN_TEXTS, detail);
  const unhashable = hashRefusal(token, propagation?.spec.algorithm);
  if (unhashable) return refused(unhashable.reason, unhashable.detail);
  const stranger = propagation?.spec.adopt ? undefined : strangersObject(evidence);
  if (stranger) {
    return refused('Conflict', `${stranger.kind} ${stranger.metadata.name} was written by someone else`);
  }
  return propagation?.spec.suspend
    ? refused('Suspended', `spec.suspend of ClusterPropagation ${propagation.name} is set`)
    : undefined;
}

function hashRefusal(
  { secret }: Token,
  asked: HashAlgorithmName | undefined,
): { reason: TokenReason; detail: string } | undefined {
  if (secret.kind === 'hashed' && detectFormat(secret.value) === undefined) {
    return { reason: 'UnsupportedHash', detail: 'the hash in the Token is of no known format' };
  }
  const algorithm = asked ?? DEFAULT_ALGORITHM;
  if (secret.kind !== 'plain' || acceptsSecret(algorithm, secret.value)) return undefined;
  const bytes = Buffer.byteLength(secret.value);
  const by = asked ? algorithm : `${algorithm}, unless the operator was given another --hash-algorithm`;
  return bytes > maxSecretBytes(algorithm)
    ? {
        reason: 'SecretTooLong',
        detail: `the secret has ${bytes} bytes, ${maxSecretBytes(algorithm)} are taken by ${by}`,
      }
    : { reason: 'Malformed', detail: `token: not taken by ${by}` };
}

/** An object of the token's or its user's name that keeps ours from being written. */
function strangersObject({ downstream, target }: Evidence): KubeObject | undefined {
  const objects = [known(downstream.hashSecret)?.object, known(downstream.userAttribute)?.object];
  return objects.find((object) => object !== undefined && !isOurs(object, target.cluster ?? ''));
}
