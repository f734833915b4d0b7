import type { Token } from '../../api/types.ts';
import type { Notice } from '../decide/plan.ts';

export function keyNotice(problem: string): Notice {
  const message = `${problem}; until then nothing is added or repaired in any cluster, and revocations are carried out`;
  return { reason: 'InstallationKeyUnusable', message, warning: true };
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
