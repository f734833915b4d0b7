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

/** The authenticators of a cluster: ours, Rancher's, both, or none that is a DaemonSet in that namespace. */
export async function authenticators(
  plane: Plane,
  namespace: string,
): Promise<Reading<readonly DaemonSet[]>> {
  const found: DaemonSet[] = [];
  for (const name of NAMES) {
    const result = await plane.get(DAEMON_SETS, name, (raw) => parseDaemonSet(name, raw), namespace);
    if (!result.ok) return result;
    if (result.value) found.push(result.value);
  }
  return { ok: true, value: found };
}

function parseDaemonSet(name: DaemonSet['name'], raw: unknown): DaemonSet {
  const { spec, status } = raw as {
    spec?: { template?: { spec?: { containers?: readonly { image?: string }[] } } };
    status?: { desiredNumberScheduled?: number; numberReady?: number };
  };
  const image = spec?.template?.spec?.containers?.[0]?.image ?? '';
  return {
    name,
    version: /(?:@|:)([^/:@]+(?::[^/:@]+)?)$/.exec(image)?.[1] ?? '',
    wanted: status?.desiredNumberScheduled ?? 0,
    ready: status?.numberReady ?? 0,
  };
}
