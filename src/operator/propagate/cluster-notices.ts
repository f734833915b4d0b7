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
