import type { Token } from '../../api/types.ts';
import type { SessionState } from '../../clusters/session.ts';
import type { Notice } from '../decide/plan.ts';

/** A person has to know: what was propagated until now is not in the cluster that the credentials lead to. */
export function replacedNotice(
  cluster: string,
  state: Extract<SessionState, { phase: 'connected' }>,
): Notice | undefined {
  const { replacedUid, clusterUid } = state;
  if (replacedUid === undefined) return undefined;
  return {
    reason: 'ClusterReplaced',
    message: `The credentials of cluster ${cluster} lead to another cluster (kube-system ${clusterUid}, before ${replacedUid}); if that is not meant, correct them`,
    warning: true,
  };
}

export function drainedNotice(cluster: string): Notice {
  return { reason: 'Drained', message: `Nothing of ours is left in cluster ${cluster}`, warning: false };
}

/** @param token - whose name an older token of the other kind has */
export function collisionNotice({ name, api, clusterName }: Token): Notice {
  const other = api === 'ext' ? 'a Token of management.cattle.io' : 'a token of ext.cattle.io';
  return {
    reason: 'NameCollision',
    message: `${other} that is older has the name ${name}, and cluster ${clusterName} has room for one of a name: issue a new token in place of this one`,
    warning: true,
  };
}
