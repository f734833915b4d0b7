import { DEFAULT_DOWNSTREAM_NAMESPACE } from '../api/names.ts';
import type { Propagation } from '../api/types.ts';
import type { Reading } from './reading.ts';

/**
 * Where our objects are in a cluster, by what its ClusterPropagation says: as the operator reports, else where Rancher has its own.
 *
 * Whoever may not read that looks in no place at all: "nothing is there" would be said of the wrong one. Where the management plane
 * does not answer, or where no operator ever ran, nothing better is to be had.
 */
export function downstreamNamespaceOf(
  propagation: Reading<Propagation | undefined> | undefined,
): Reading<string> {
  if (propagation && !propagation.ok && propagation.failure.reason === 'Forbidden') {
    const { reason, message } = propagation.failure;
    const what = 'the namespace of our objects in the cluster is not known; --downstream-namespace says it';
    return { ok: false, failure: { reason, message: `${message}: ${what}` } };
  }
  const reported = propagation?.ok ? propagation.value?.status.downstreamNamespace : undefined;
  return { ok: true, value: reported ?? DEFAULT_DOWNSTREAM_NAMESPACE };
}
