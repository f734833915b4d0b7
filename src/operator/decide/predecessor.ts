import { CLUSTER_AUTH_TOKENS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { type Change, diff, sourceUid } from '../../derive/diff.ts';
import { oursOf, type Seen } from './facts.ts';

/**
 * Takes away what is down there of this token's earlier user, of its earlier secret, or of an earlier token of this name with
 * another secret. That one ends now, whatever the present one waits for: its hash, its user, or a suspended cluster. One with the
 * same user and secret does not: to those who use it, a token that was made again is the same token.
 */
export function endPredecessor(token: Token, pair: readonly Seen[]): readonly Change[] {
  const ours = oursOf(pair);
  // A pair of another user goes whole: its Secret alone would complete the next ClusterAuthToken of that name.
  if (ours.some((object) => isOfAnotherUser(token, object))) return diff([], ours);
  const earlier = oursOf(pair.filter(({ isOfEarlierSecret }) => isOfEarlierSecret));
  const isOfAnotherToken = ours.some((object) => (sourceUid(object) ?? token.uid) !== token.uid);
  return diff([], earlier.length > 0 && isOfAnotherToken ? ours : earlier);
}

function isOfAnotherUser(token: Token, object: KubeObject): boolean {
  return object.kind === CLUSTER_AUTH_TOKENS.kind && object['userName'] !== token.userName;
}
