import { CLUSTER_AUTH_TOKENS } from '../../api/names.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { diff, sourceUid } from '../../derive/diff.ts';
import type { ConnectedContext } from './cluster-context.ts';
import { isOfEarlierSecret } from './token-hashes.ts';
import { write } from './write.ts';

/**
 * Takes away what is down there of an earlier token of this name, of this token's earlier user, or of its earlier secret. That one ends now,
 * whatever the present one waits for: its hash, its user, or a suspended cluster.
 */
export async function endPredecessor(token: Token, cluster: ConnectedContext): Promise<void> {
  const { observed } = cluster.connection;
  const ours = observed.forToken(token.name).filter((object) => observed.isOurs(object));
  await write(diff([], predecessorsOf(token, ours, cluster)), cluster);
}

function predecessorsOf(
  token: Token,
  ours: readonly KubeObject[],
  cluster: ConnectedContext,
): readonly KubeObject[] {
  // A pair of another user goes whole: its Secret alone would complete the next ClusterAuthToken of that name.
  if (ours.some((object) => isOfAnotherUser(token, object))) return ours;
  return ours.filter((object) => {
    const uid = sourceUid(object);
    if (uid !== undefined && uid !== token.uid) return true;
    return cluster.trustsFingerprints && isOfEarlierSecret(token, object, cluster);
  });
}

function isOfAnotherUser(token: Token, object: KubeObject): boolean {
  return object.kind === CLUSTER_AUTH_TOKENS.kind && object['userName'] !== token.userName;
}
