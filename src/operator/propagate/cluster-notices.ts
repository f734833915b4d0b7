import type { Token } from '../../api/types.ts';
import type { Notice } from '../decide/plan.ts';

export function keyNotice(problem: string): Notice {
  const message = `${problem}; until then nothing is added or repaired in any cluster, and revocations are carried out`;
  return { reason: 'InstallationKeyUnusable', message, warning: true };
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
