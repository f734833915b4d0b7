import { z } from 'zod';
import { parseMetadata } from '../../api/parse-fields.ts';

/** A control-plane node as Rancher sees it. */
export interface ControlPlaneNode {
  /** Rancher's own name for it: unique in its cluster. */
  readonly name: string;
  readonly hostname: string;
  /** Where its API server is reached. */
  readonly address: string;
  readonly ready: boolean;
}

const shape = z.object({
  spec: z.object({
    controlPlane: z.boolean().nullish(),
    requestedHostname: z.string().nullish(),
  }),
  status: z
    .object({
      nodeAnnotations: z.record(z.string(), z.string()).nullish(),
      internalNodeStatus: z
        .object({
          addresses: z.array(z.object({ type: z.string(), address: z.string() })).nullish(),
          conditions: z.array(z.object({ type: z.string(), status: z.string() })).nullish(),
        })
        .nullish(),
    })
    .nullish(),
});

/** Written by Rancher's older distribution, whose nodes do not know their outer address themselves. */
const ANNOTATION_EXTERNAL_IP = 'rke.cattle.io/external-ip';

/** A control-plane node with an address; undefined for any other, one that is going, and one that cannot be read. */
export function parseControlPlaneNode(raw: unknown): ControlPlaneNode | undefined {
  const meta = parseMetadata(raw);
  const parsed = shape.safeParse(raw);
  if (!parsed.success || parsed.data.spec.controlPlane !== true || meta.deletionTimestamp) return undefined;
  const { spec, status } = parsed.data;
  const node = status?.internalNodeStatus;
  const addressOf = (type: string): string | undefined =>
    node?.addresses?.find((address) => address.type === type)?.address;
  const address =
    addressOf('ExternalIP') ?? status?.nodeAnnotations?.[ANNOTATION_EXTERNAL_IP] ?? addressOf('InternalIP');
  if (!address) return undefined;
  const ready = node?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  return { name: meta.name, hostname: spec.requestedHostname || meta.name, address, ready };
}
