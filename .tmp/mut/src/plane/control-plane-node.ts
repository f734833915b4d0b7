import { z } from 'zod';
import { NODES } from '../api/names.ts';
import { parseMetadata } from '../api/parse-fields.ts';
import type { Plane } from './plane.ts';
import type { Reading } from './reading.ts';

/** A control-plane node as Rancher sees it. */
export interface ControlPlaneNode {
  /** Rancher's own name for it: unique in its cluster. */
  readonly name: string;
  readonly hostname: string;
  /** The management id of its cluster. */
  readonly cluster: string;
  /** Where its API server is reached. */
  readonly address: string;
  /** All that it is known by. */
  readonly addresses: readonly string[];
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
  const annotated = status?.nodeAnnotations?.[ANNOTATION_EXTERNAL_IP];
  const address = addressOf('ExternalIP') ?? annotated ?? addressOf('InternalIP');
  if (!address) return undefined;
  const addresses = [...(node?.addresses ?? []).map((each) => each.address), annotated ?? address];
  const ready = node?.conditions?.some(({ type, status: is }) => type === 'Ready' && is === 'True') ?? false;
  const cluster = meta.namespace;
  return {
    name: meta.name,
    hostname: spec.requestedHostname || meta.name,
    cluster,
    address,
    addresses,
    ready,
  };
}

/** Where an API server of a node is asked, unless somebody says otherwise. */
export const KUBERNETES_PORT = 6443;

/**
 * Control-plane nodes, sorted by name; none where no Rancher keeps such objects.
 *
 * @param cluster - of this cluster only
 */
export async function controlPlaneNodes(
  plane: Plane,
  cluster?: string,
): Promise<Reading<readonly ControlPlaneNode[]>> {
  const nodes = await plane.list(NODES, parseControlPlaneNode, { namespace: cluster });
  if (!nodes.ok) return nodes.failure.reason === 'KindMissing' ? { ok: true, value: [] } : nodes;
  const found = nodes.value.filter((node) => node !== undefined);
  return { ok: true, value: found.sort((a, b) => (a.name < b.name ? -1 : 1)) };
}
