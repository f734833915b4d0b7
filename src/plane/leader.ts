import { ANNOTATION_VERSION, LEASE, LEASES } from '../api/names.ts';
import type { ManagementPlane } from './management.ts';
import type { Reading } from './reading.ts';

/** A clock may be wrong by less than this, and a renewal late. */
const TOLERANCE_MS = 60_000;

/** The operator that works, as far as its Lease tells. */
export interface Leader {
  /** Empty where nobody holds it. */
  readonly holder: string;
  /** Its release, or that of the last one; undefined: it does not say, as earlier ones do not. */
  readonly version: string | undefined;
  /**
   * Since when nobody has held it, in milliseconds since the epoch; undefined: somebody does. What the status of a
   * ClusterPropagation says is as old as that.
   */
  readonly vacantSinceMs: number | undefined;
}

/**
 * @param now - milliseconds since the epoch; asked when the management plane has answered, and may have said it
 * @returns a value of undefined where there is no Lease: none was ever needed (`--leader-elect=false`), or no operator ever ran
 */
export function readLeader(
  namespace: string,
  management: ManagementPlane,
  now: () => number,
): Promise<Reading<Leader | undefined>> {
  return management.get(
    LEASES,
    LEASE,
    (raw) => {
      const { metadata, spec } = raw as {
        metadata?: { annotations?: Readonly<Record<string, unknown>> };
        spec?: Readonly<Record<string, unknown>>;
      };
      const version = metadata?.annotations?.[ANNOTATION_VERSION];
      const holder = spec?.['holderIdentity'];
      return {
        holder: typeof holder === 'string' ? holder : '',
        version: typeof version === 'string' ? version : undefined,
        vacantSinceMs: endedAtMs(spec ?? {}, now()),
      };
    },
    namespace,
  );
}

function endedAtMs(spec: Readonly<Record<string, unknown>>, nowMs: number): number | undefined {
  const renewedAtMs = Date.parse(String(spec['renewTime']));
  if (Number.isNaN(renewedAtMs)) return undefined;
  const isGivenUp = !spec['holderIdentity'];
  const seconds = spec['leaseDurationSeconds'];
  const standsMs = (typeof seconds === 'number' ? seconds * 1_000 : 0) + TOLERANCE_MS;
  return isGivenUp || renewedAtMs + standsMs < nowMs ? renewedAtMs : undefined;
}
