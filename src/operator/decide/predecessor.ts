import { CLUSTER_AUTH_TOKENS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { type Change, diff, sourceUid } from '../../derive/diff.ts';
import { oursOf, type Seen } from './facts.ts';

/**
 * Takes away what is down there of an earlier token of this name, of this token's earlier user, or of its earlier secret. That one ends now,
 * whatever the present one waits for: its hash, its user, or a suspended cluster.
 */
export function endPredecessor(token: Token, pair: readonly Seen[]): readonly Change[] {
  const ours = oursOf(pair);
  // A pair of another user goes whole: its Secret alone would complete the next ClusterAuthToken of that name.
  if (ours.some((object) => isOfAnotherUser(token, object))) return diff([], ours);
  return diff([], oursOf(pair.filter((seen) => isPredecessor(token, seen))));
}

function isPredecessor(token: Token, { object, isOfEarlierSecret }: Seen): boolean {
  const uid = sourceUid(object);
  return (uid !== undefined && uid !== token.uid) || isOfEarlierSecret;
}

function isOfAnotherUser(token: Token, object: KubeObject): boolean {
  return object.kind === CLUSTER_AUTH_TOKENS.kind && object['userName'] !== token.userName;
}
