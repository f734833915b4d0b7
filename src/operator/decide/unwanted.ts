import type { User } from '../../api/types.ts';
import { effectiveExpiryMs, formatTime } from '../../derive/expiry.ts';
import { judgeToken } from '../../derive/verdict.ts';
import type { PairOfUser, Rules } from './facts.ts';

/**
 * Whether a ClusterAuthToken would let in somebody who is to be out, if only its user were let in. What refuses by what stands
 * in it does not; nor does what nobody knows to be revoked, and a person has to look at.
 */
export function isUnwanted(pair: PairOfUser, user: User, { cluster, agreedMs }: Rules): boolean {
  const { clusterAuthToken, token, before } = pair;
  if (clusterAuthToken['enabled'] === false) return false;
  if (!token) return !(before?.state === 'pending' && before.reason === 'GCBlocked');
  if (token.userName !== user.name || pair.isOfEarlierSecret) return true;
  const verdict = judgeToken(token, user, { cluster, aceEnabled: true, nowMs: agreedMs });
  if (verdict.wanted || (verdict.reason === 'OtherCluster' && pair.isMoving)) return false;
  return !(verdict.reason === 'Expired' && hasExpired(clusterAuthToken, token));
}

/** Whoever reads it refuses it by the very time by which we judged the token. */
function hasExpired(
  { expiresAt }: PairOfUser['clusterAuthToken'],
  token: NonNullable<PairOfUser['token']>,
): boolean {
  const endsAtMs = effectiveExpiryMs(token);
  return typeof expiresAt === 'string' && endsAtMs !== undefined && expiresAt <= formatTime(endsAtMs);
}
