import { apiVersionOf, CLUSTER_PROPAGATIONS, FIELD_MANAGER, LABEL_MANAGED_BY } from '../../api/names.ts';
import { DEFAULT_SPEC } from '../../api/parse-cluster.ts';
import type { PropagationSpec } from '../../api/types.ts';
import { isAlreadyExists, isObjectMissing } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';

/**
 * Creates the ClusterPropagation of a cluster, for a person to find.
 *
 * @param spec - what was in force until now: to delete the object is no way to say that something else is wanted
 * @throws {ApiError | ConnectionError | FencedError}
 */
export async function createPropagation(
  client: Writer,
  name: string,
  spec: PropagationSpec = DEFAULT_SPEC,
): Promise<void> {
  try {
    await client.create(CLUSTER_PROPAGATIONS, {
      apiVersion: apiVersionOf(CLUSTER_PROPAGATIONS),
      kind: CLUSTER_PROPAGATIONS.kind,
      metadata: { name, labels: { [LABEL_MANAGED_BY]: FIELD_MANAGER } },
      spec: fieldsOf(spec),
    });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
  }
}

/** As a person would write it: what is so without being said is not said. */
function fieldsOf(spec: PropagationSpec): object {
  const { suspend, drain, algorithm, storage, maxDeletePercent, minDeletes, adopt } = spec;
  const hash = { ...(algorithm ? { algorithm } : {}), ...(storage ? { storage } : {}) };
  const gc = {
    ...(maxDeletePercent === DEFAULT_SPEC.maxDeletePercent ? {} : { maxDeletePercent }),
    ...(minDeletes === DEFAULT_SPEC.minDeletes ? {} : { minDeletes }),
  };
  return {
    ...(suspend ? { suspend } : {}),
    ...(drain ? { drain } : {}),
    ...(adopt ? { adopt } : {}),
    ...(Object.keys(hash).length > 0 ? { hash } : {}),
    ...(Object.keys(gc).length > 0 ? { gc } : {}),
  };
}

/** Takes annotations off by which a person said something once. @throws {ApiError | ConnectionError | FencedError} */
export async function removeAnnotations(
  client: Writer,
  name: string,
  annotations: readonly string[],
): Promise<void> {
  try {
    const patch = { metadata: { annotations: Object.fromEntries(annotations.map((one) => [one, null])) } };
    await client.patch({ resource: CLUSTER_PROPAGATIONS, name }, patch);
  } catch (error) {
    if (!isObjectMissing(error)) throw error;
  }
}
