import {
  ANNOTATION_ALLOW_GC,
  apiVersionOf,
  CLUSTER_PROPAGATIONS,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
} from '../../api/names.ts';
import { isAlreadyExists, isObjectMissing } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';

/** Creates the ClusterPropagation of a cluster, for a person to find. @throws {ApiError | ConnectionError | FencedError} */
export async function createPropagation(client: Writer, name: string): Promise<void> {
  try {
    await client.create(CLUSTER_PROPAGATIONS, {
      apiVersion: apiVersionOf(CLUSTER_PROPAGATIONS),
      kind: CLUSTER_PROPAGATIONS.kind,
      metadata: { name, labels: { [LABEL_MANAGED_BY]: FIELD_MANAGER } },
      spec: {},
    });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** Takes the annotation off that let one blocked sweep pass, or did not. @throws {ApiError | ConnectionError | FencedError} */
export async function removeAllowance(client: Writer, name: string): Promise<void> {
  try {
    const patch = { metadata: { annotations: { [ANNOTATION_ALLOW_GC]: null } } };
    await client.patch({ resource: CLUSTER_PROPAGATIONS, name }, patch);
  } catch (error) {
    if (!isObjectMissing(error)) throw error;
  }
}
