// installation/: who this installation is, and under which ids it was here before.

import { ANNOTATION_TOKEN_UID, ANNOTATION_USER_UID, CLUSTER_USER_ATTRIBUTES } from '../../api/names.ts';
import type { Installation } from '../../derive/ownership.ts';
import type { Management } from '../upstream/management.ts';

/** What the management plane knows of cluster ids, at the moment when it is asked. */
export function installationOf(management: Management, id: string | undefined): Installation {
  return {
    id,
    isInUse: (cluster) => management.clusters.get(cluster)?.deleting === false,
    wasServed: (cluster) => management.propagations.get(cluster) !== undefined,
    isSourceOf: ({ kind, metadata: { name, annotations } }) => {
      const sources =
        kind === CLUSTER_USER_ATTRIBUTES.kind ? [management.users.get(name)] : management.tokensNamed(name);
      const uid = annotations?.[ANNOTATION_USER_UID] ?? annotations?.[ANNOTATION_TOKEN_UID];
      return sources.some((source) => source !== undefined && source.uid === uid);
    },
  };
}
