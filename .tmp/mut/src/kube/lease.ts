import { ANNOTATION_VERSION, apiVersionOf, LABEL_PART_OF, LEASES } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';

/** What a Lease (`coordination.k8s.io/v1`) says, and the object that it says it in. */
export interface LeaseRecord {
  /** Empty when it is vacant. */
  readonly holder: string;
  readonly durationMs: number;
  readonly acquireTime: string;
  readonly transitions: number;
  readonly resourceVersion: string;
  readonly object: KubeObject;
}

/** The Lease that a candidate wants to be there next. */
export interface LeaseClaim {
  readonly namespace: string;
  readonly name: string;
  readonly holder: string;
  readonly durationMs: number;
  readonly wallMs: number;
  /** Release of the program that holds it. */
  readonly version: string;
}

/** Never throws: a Lease that somebody emptied is vacant. */
export function parseLease(raw: unknown): LeaseRecord {
  const object = raw as KubeObject;
  const spec = (object['spec'] ?? {}) as Record<string, unknown>;
  const seconds = spec['leaseDurationSeconds'];
  const transitions = spec['leaseTransitions'];
  return {
    holder: typeof spec['holderIdentity'] === 'string' ? spec['holderIdentity'] : '',
    durationMs: typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : 0,
    acquireTime: typeof spec['acquireTime'] === 'string' ? spec['acquireTime'] : '',
    transitions: typeof transitions === 'number' ? transitions : 0,
    resourceVersion: String(object.metadata?.['resourceVersion'] ?? ''),
    object,
  };
}

/**
 * The Lease to write. With `before` it carries that one's resourceVersion, so that the API server refuses it (409) if anybody
 * wrote since. The times in it are for people: nobody compares them with a clock.
 */
export function leaseObject(claim: LeaseClaim, before?: LeaseRecord): KubeObject {
  const renewTime = microTime(claim.wallMs);
  const isRenewal = before !== undefined && before.holder === claim.holder && before.acquireTime !== '';
  const changesHands = before !== undefined && before.holder !== claim.holder && claim.holder !== '';
  return {
    apiVersion: apiVersionOf(LEASES),
    kind: LEASES.kind,
    metadata: signed(
      before?.object.metadata ?? {
        name: claim.name,
        namespace: claim.namespace,
        labels: { [LABEL_PART_OF]: 'ace-operator' },
      },
      claim,
    ),
    spec: {
      holderIdentity: claim.holder,
      leaseDurationSeconds: Math.max(1, Math.round(claim.durationMs / 1000)),
      acquireTime: isRenewal ? before.acquireTime : renewTime,
      renewTime,
      leaseTransitions: (before?.transitions ?? 0) + (changesHands ? 1 : 0),
    },
  };
}

/** Says of which release the holder is; a Lease that is given back says who had it last. */
function signed(metadata: KubeObject['metadata'], { holder, version }: LeaseClaim): KubeObject['metadata'] {
  if (holder === '') return metadata;
  return { ...metadata, annotations: { ...metadata.annotations, [ANNOTATION_VERSION]: version } };
}

/** Kubernetes' MicroTime: RFC 3339 with six digits. */
function microTime(wallMs: number): string {
  return new Date(wallMs).toISOString().replace(/Z$/, '000Z');
}
