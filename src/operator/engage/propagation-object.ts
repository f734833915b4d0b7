import { apiVersionOf, CLUSTER_PROPAGATIONS, FIELD_MANAGER, LABEL_MANAGED_BY } from '../../api/names.ts';
import { DEFAULT_SPEC } from '../../api/parse-cluster.ts';
import type { KubeObject, Propagation, PropagationSpec } from '../../api/types.ts';
import { describeError, isAlreadyExists, isObjectMissing } from '../../errors.ts';
import type { KubeClient, Writer } from '../../kube/client.ts';
import { isOlder } from '../../kube/versions.ts';

/** Writes about clusters in the management plane. */
export interface PlaneWriter {
  /** For those about that cluster: they end when another replica is to make them. */
  clientFor(cluster: string): KubeClient;
  /** Merge patch of a ClusterPropagation's status. @throws {ApiError | ConnectionError | FencedError} */
  writeStatus(cluster: string, patch: object): Promise<void>;
}

/** Why a cluster has no ClusterPropagation that we know. */
export interface Unmade {
  readonly why: string;
  /** To be thrown once all else is done, so that it is tried again. Undefined: its watch is about to tell of it. */
  readonly error?: unknown;
}

/** Makes the ClusterPropagations, and takes off what persons said there once. */
export class PropagationObjects {
  readonly #clientFor: (cluster: string) => Writer;
  readonly #unmade = new Set<string>();
  /** Clusters, and what a person said of them by an annotation that is still to be taken off. */
  readonly #spent = new Map<string, Set<string>>();
  /** Versions of the objects of which some were taken off. */
  readonly #takenOffAt = new Map<string, string>();

  constructor(clientFor: (cluster: string) => Writer) {
    this.#clientFor = clientFor;
  }

  /** It could not be made when that was tried last: that it is not there says nothing. */
  isUnmade(name: string): boolean {
    return this.#unmade.has(name);
  }

  /**
   * Creates the ClusterPropagation of a cluster, for a person to find. That it cannot be is no reason to leave the cluster alone.
   *
   * @param spec - what was in force until now: to delete the object is no way to say that something else is wanted
   * @returns undefined: it is made
   */
  async make(name: string, spec: PropagationSpec = DEFAULT_SPEC): Promise<Unmade | undefined> {
    try {
      await this.#clientFor(name).create(CLUSTER_PROPAGATIONS, {
        apiVersion: apiVersionOf(CLUSTER_PROPAGATIONS),
        kind: CLUSTER_PROPAGATIONS.kind,
        metadata: { name, labels: { [LABEL_MANAGED_BY]: FIELD_MANAGER } },
        spec: fieldsOf(spec),
      });
      this.#unmade.delete(name);
      return undefined;
    } catch (error) {
      if (isAlreadyExists(error)) {
        this.#unmade.delete(name);
        return { why: `ClusterPropagation ${name} is there, and was not read yet` };
      }
      this.#unmade.add(name);
      return { why: `ClusterPropagation ${name} cannot be made: ${describeError(error)}`, error };
    }
  }

  /** An annotation was looked at, and is to be taken off. */
  spend(name: string, annotation: string): void {
    this.#spent.set(name, (this.#spent.get(name) ?? new Set()).add(annotation));
  }

  /** Takes those off. @throws {ApiError | ConnectionError | FencedError} */
  async removeSpent(name: string): Promise<void> {
    const spent = [...(this.#spent.get(name) ?? [])];
    const version =
      spent.length > 0 ? await removeAnnotations(this.#clientFor(name), name, spent) : undefined;
    if (version !== undefined) this.#takenOffAt.set(name, version);
    for (const annotation of spent) this.#spent.get(name)?.delete(annotation);
  }

  /**
   * Whether the object is of after the annotations were taken off: one that is there was given since, also where no look came in between.
   * Asked once for each time.
   */
  isSinceTakenOff(propagation: Pick<Propagation, 'name' | 'resourceVersion'> | undefined): boolean {
    const version = propagation && this.#takenOffAt.get(propagation.name);
    const isSince = version !== undefined && isOlder(version, propagation?.resourceVersion ?? version);
    if (isSince) this.#takenOffAt.delete(propagation?.name ?? '');
    return isSince;
  }

  /** The work on this cluster ends here. */
  forget(name: string): void {
    this.#takenOffAt.delete(name);
    this.#unmade.delete(name);
    this.#spent.delete(name);
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

/** @returns the version without them; undefined where there is nothing to take them off */
async function removeAnnotations(
  client: Writer,
  name: string,
  annotations: readonly string[],
): Promise<string | undefined> {
  try {
    const patch = { metadata: { annotations: Object.fromEntries(annotations.map((one) => [one, null])) } };
    const answer = await client.patch({ resource: CLUSTER_PROPAGATIONS, name }, patch);
    return (answer as KubeObject).metadata.resourceVersion;
  } catch (error) {
    if (!isObjectMissing(error)) throw error;
    return undefined;
  }
}
