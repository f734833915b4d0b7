import { ANNOTATION_TOKEN_UID, ANNOTATION_USER_UID, LABEL_CLUSTER } from '../api/names.ts';
import type { Token, User } from '../api/types.ts';
import type { Installation } from '../derive/ownership.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { known } from '../plane/reading.ts';
import type { DownstreamEvidence } from './evidence.ts';

/**
 * What the management plane knows of the cluster ids, other than the one that is looked at, that downstream objects carry: the
 * cluster may have been registered again. Nothing is asked where there is no such object.
 *
 * @returns undefined where nothing had to be asked, or nothing answered
 */
export async function lookUpIds(
  plane: ManagementPlane | undefined,
  cluster: string | undefined,
  { clusterAuthToken, hashSecret, userAttribute }: DownstreamEvidence,
  found: { readonly token: Token | undefined; readonly user: User | undefined },
): Promise<Installation | undefined> {
  const objects = [known(clusterAuthToken), known(hashSecret), known(userAttribute)];
  const labels = objects.map((seen) => seen?.object.metadata.labels?.[LABEL_CLUSTER]);
  const ids = new Set(labels.filter((id) => typeof id === 'string' && id !== cluster));
  if (!plane || ids.size === 0) return undefined;
  try {
    const facts = await Promise.all([...ids].map((id) => lookUp(id as string, plane)));
    const uids = new Set([found.token?.uid, found.user?.uid]);
    return {
      id: await plane.installationId(),
      isInUse: (id) => facts.some((fact) => fact.id === id && fact.isInUse),
      wasServed: (id) => facts.some((fact) => fact.id === id && fact.wasServed),
      isSourceOf: ({ metadata: { annotations } }) => {
        const uid = annotations?.[ANNOTATION_USER_UID] ?? annotations?.[ANNOTATION_TOKEN_UID];
        return typeof uid === 'string' && uids.has(uid);
      },
    };
  } catch {
    // Then an object of another id is taken for what the operator would take it without a word of management.
    return undefined;
  }
}

async function lookUp(
  id: string,
  plane: ManagementPlane,
): Promise<{ readonly id: string; readonly isInUse: boolean; readonly wasServed: boolean }> {
  const [cluster, propagation] = await Promise.all([plane.cluster(id), plane.propagation(id)]);
  if (!cluster.ok || !propagation.ok) throw new Error(`cluster id ${id} is not known`);
  return { id, isInUse: cluster.value?.deleting === false, wasServed: propagation.value !== undefined };
}
