import { DAEMON_SETS } from '../api/names.ts';
import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

/** A DaemonSet that answers TokenReviews, as far as the API server tells. */
export interface DaemonSet {
  readonly name: 'ace-authenticator' | 'ace-authenticator-2' | 'kube-api-auth';
  /** Tag of its image, or its digest; empty when it has neither. */
  readonly version: string;
  readonly wanted: number;
  readonly ready: number;
}

/** The second is there where two of ours share each node's port (manifests/authenticator/components/pair). */
const NAMES: readonly DaemonSet['name'][] = ['ace-authenticator', 'ace-authenticator-2', 'kube-api-auth'];

/**
 * The authenticators of a cluster: ours, Rancher's, both, or none that is a DaemonSet in that namespace. One list, for a request is
 * what two thousand clusters cost most of; one by one for whoever may only get them.
 */
export async function authenticators(
  plane: Plane,
  namespace: string,
): Promise<Reading<readonly DaemonSet[]>> {
  const listed = await plane.list(DAEMON_SETS, parseDaemonSet, { namespace });
  if (listed.ok) return { ok: true, value: inOrder(listed.value) };
  if (listed.failure.reason !== 'Forbidden') return listed;
  const found: (DaemonSet | undefined)[] = [];
  for (const name of NAMES) {
    const result = await plane.get(DAEMON_SETS, name, parseDaemonSet, namespace);
    if (!result.ok) return result;
    found.push(result.value);
  }
  return { ok: true, value: inOrder(found) };
}

function inOrder(found: readonly (DaemonSet | undefined)[]): readonly DaemonSet[] {
  return NAMES.flatMap((name) => found.find((one) => one?.name === name) ?? []);
}

/** @returns undefined for what is none of them */
function parseDaemonSet(raw: unknown): DaemonSet | undefined {
  const { metadata, spec, status } = raw as {
    metadata?: { name?: string };
    spec?: { template?: { spec?: { containers?: readonly { image?: string }[] } } };
    status?: { desiredNumberScheduled?: number; numberReady?: number };
  };
  const name = NAMES.find((known) => known === metadata?.name);
  if (name === undefined) return undefined;
  const image = spec?.template?.spec?.containers?.[0]?.image ?? '';
  return {
    name,
    version: /(?:@|:)([^/:@]+(?::[^/:@]+)?)$/.exec(image)?.[1] ?? '',
    wanted: status?.desiredNumberScheduled ?? 0,
    ready: status?.numberReady ?? 0,
  };
}
