import type { PropagationStatus, Token } from '../../api/types.ts';
import type { Notice } from '../decide/plan.ts';

export function keyNotice(problem: string): Notice {
  const message = `${problem}; until then nothing is added or repaired in any cluster, and revocations are carried out`;
  return { reason: 'InstallationKeyUnusable', message, warning: true };
}

/**
 * Told once for each credential: when it is first written that it ends soon, and again when it has ended: what is written outlives the
 * operator, so that a restart tells nothing anew. Pure.
 */
export function credentialsNotices(before: PropagationStatus, after: PropagationStatus): readonly Notice[] {
  const { credentialsState: state, credentialsExpireTime: until, credentials: way } = after;
  if (!state || !until) return [];
  if (before.credentialsState === state && before.credentialsExpireTime === until) return [];
  const what = `the credential by which the cluster is reached ${state === 'Ended' ? 'ended' : 'ends'} ${until}`;
  const message = `${what}: ${way}; put a new one in its place, by kubectl ace join where join made it`;
  return [{ reason: state === 'Ended' ? 'CredentialsEnded' : 'CredentialsEndSoon', message, warning: true }];
}

/** @param token - whose name an older token of the other kind, or the only one that is not over, has in its cluster */
export function collisionNotice({ name, api, clusterName }: Token): Notice {
  const other = api === 'ext' ? 'a Token of management.cattle.io' : 'a token of ext.cattle.io';
  return {
    reason: 'NameCollision',
    message: `${other} has the name ${name} in cluster ${clusterName}, which has room for one of a name: issue a new token in place of this one, or delete or disable that one`,
    warning: true,
  };
}
