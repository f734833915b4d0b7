import { LEASE, LEASES } from '../api/names.ts';
import type { ManagementPlane } from './management.ts';
import { known } from './reading.ts';

/** A clock may be wrong by less than this, and a renewal late. */
const TOLERANCE_MS = 60_000;

/**
 * Since when no operator has held its Lease: what the status of a ClusterPropagation says is as old as that.
 *
 * @returns milliseconds since the epoch; undefined when one holds it, when there is none to hold (`--leader-elect=false`), or when
 *   that cannot be seen
 */
export async function leaderlessSince(
  namespace: string,
  management: ManagementPlane,
  nowMs: number,
): Promise<number | undefined> {
  const spec = known(
    await management.get(
      LEASES,
      LEASE,
      (raw) => (raw as { spec?: Readonly<Record<string, unknown>> }).spec ?? {},
      namespace,
    ),
  );
  const renewedAtMs = Date.parse(String(spec?.['renewTime']));
  if (Number.isNaN(renewedAtMs)) return undefined;
  const isGivenUp = !spec?.['holderIdentity'];
  const seconds = spec?.['leaseDurationSeconds'];
  const standsMs = (typeof seconds === 'number' ? seconds * 1_000 : 0) + TOLERANCE_MS;
  return isGivenUp || renewedAtMs + standsMs < nowMs ? renewedAtMs : undefined;
}
