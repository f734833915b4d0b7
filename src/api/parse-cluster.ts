import { z } from 'zod';
import { HASH_ALGORITHMS } from '../hash/algorithms.ts';
import { ANNOTATION_ACCEPT_CLUSTER, ANNOTATION_ALLOW_GC, FIELD_MANAGER, LABEL_MANAGED_BY } from './names.ts';
import {
  boundedName,
  deepFreeze,
  describeIssues,
  optionalString,
  optionalTime,
  parseMetadata,
} from './parse-fields.ts';
import type { Cluster, Propagation, PropagationSpec, PropagationStatus, Setting } from './types.ts';

const aceShape = z.object({
  spec: z
    .object({
      localClusterAuthEndpoint: z
        .object({
          enabled: z
            .boolean()
            .nullish()
            .transform((value) => value ?? false),
        })
        .nullish(),
    })
    .nullish(),
});
const endpointShape = z.object({
  spec: z
    .object({
      displayName: optionalString,
      localClusterAuthEndpoint: z.object({ fqdn: optionalString, caCerts: optionalString }).nullish(),
    })
    .nullish(),
});
const reachShape = z.object({
  status: z
    .object({
      apiEndpoint: optionalString,
      caCert: optionalString,
      serviceAccountTokenSecret: optionalString,
    })
    .nullish(),
});

/** A management Cluster. An unreadable ACE switch is neither on nor off: nothing is added, nothing drained. */
export function parseCluster(raw: unknown): Cluster {
  const meta = parseMetadata(raw);
  const ace = aceShape.safeParse(raw);
  const reach = reachShape.safeParse(raw);
  const status = reach.success ? reach.data.status : undefined;
  const unusable =
    meta.name.length > MAX_LABEL_LENGTH ? 'metadata.name: longer than a label can be (63)' : undefined;
  return deepFreeze({
    name: meta.name,
    namespace: '',
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    deleting: Boolean(meta.deletionTimestamp),
    aceEnabled:
      ace.success && !unusable ? (ace.data.spec?.localClusterAuthEndpoint?.enabled ?? false) : undefined,
    apiEndpoint: boundedUrl(status?.apiEndpoint ?? ''),
    caCert: boundedPem(status?.caCert ?? ''),
    serviceAccountTokenSecret: boundedName(status?.serviceAccountTokenSecret ?? ''),
    owner: ownerOf(meta.annotations ?? {}),
    ...endpoint(raw, meta.name),
    problem: ace.success ? unusable : describeIssues(ace.error),
  });
}

/** Characters. All roots that browsers know are less. */
const MAX_PEM = 256 * 1_024;
const MAX_URL = 2_048;

/**
 * Every user of a Rancher may create Clusters, and must not be able to fill our memory by them. What is too long is held as something
 * that can be none: absent would mean another thing, and it decides about nothing but the way to the cluster.
 */
const boundedPem = (text: string): string => (text.length > MAX_PEM ? '(too long for certificates)' : text);
const boundedUrl = (text: string): string => (text.length > MAX_URL ? '(too long for an address)' : text);

/** Rancher's note on a Cluster that its provisioning made. Owners of a cluster may write it: it never says where to go. */
function ownerOf(annotations: Readonly<Record<string, string>>): Cluster['owner'] {
  const name = annotations['objectset.rio.cattle.io/owner-name'];
  const namespace = annotations['objectset.rio.cattle.io/owner-namespace'];
  return name && namespace ? { namespace: boundedName(namespace), name: boundedName(name) } : undefined;
}

/** What a kubeconfig is made of. Unreadable is as good as absent: it decides about nothing. */
function endpoint(raw: unknown, name: string): Pick<Cluster, 'displayName' | 'fqdn' | 'fqdnCaPem'> {
  const parsed = endpointShape.safeParse(raw);
  const spec = parsed.success ? parsed.data.spec : undefined;
  const { fqdn = '', caCerts = '' } = spec?.localClusterAuthEndpoint ?? {};
  return {
    displayName: boundedName(spec?.displayName || name),
    fqdn: boundedUrl(fqdn),
    fqdnCaPem: boundedPem(caCerts),
  };
}

/** Our objects carry the cluster's name in a label. */
const MAX_LABEL_LENGTH = 63;

export const DEFAULT_SPEC: PropagationSpec = {
  suspend: false,
  drain: false,
  algorithm: undefined,
  storage: undefined,
  maxDeletePercent: 10,
  minDeletes: 20,
  adopt: false,
};

const specShape = z.object({
  suspend: z.boolean().default(false),
  drain: z.boolean().default(false),
  hash: z
    .object({
      algorithm: z.enum(HASH_ALGORITHMS).optional(),
      storage: z.enum(['secret', 'inline']).optional(),
    })
    .default({}),
  gc: z
    .object({
      maxDeletePercent: z.number().min(0).max(100).default(DEFAULT_SPEC.maxDeletePercent),
      minDeletes: z.number().int().min(0).default(DEFAULT_SPEC.minDeletes),
    })
    .default({ maxDeletePercent: DEFAULT_SPEC.maxDeletePercent, minDeletes: DEFAULT_SPEC.minDeletes }),
  adopt: z.boolean().default(false),
});

/** Our ClusterPropagation. An invalid spec has a `problem`; what is in force then, cluster-settings.ts decides. */
export function parsePropagation(raw: unknown): Propagation {
  const meta = parseMetadata(raw);
  const object = raw as { spec?: unknown; status?: unknown };
  const parsed = specShape.safeParse(object.spec ?? {});
  return deepFreeze({
    name: meta.name,
    namespace: '',
    uid: meta.uid,
    resourceVersion: meta.resourceVersion,
    generation: meta.generation,
    allowance: allowance(meta.annotations?.[ANNOTATION_ALLOW_GC]),
    allowedAtMs: annotatedAtMs(raw, ANNOTATION_ALLOW_GC),
    acceptedUid: meta.annotations?.[ANNOTATION_ACCEPT_CLUSTER] ?? undefined,
    isOurs: meta.labels?.[LABEL_MANAGED_BY] === FIELD_MANAGER,
    spec: parsed.success ? specOf(parsed.data) : DEFAULT_SPEC,
    status: (object.status ?? {}) as PropagationStatus,
    problem: parsed.success ? undefined : `spec.${describeIssues(parsed.error)}`,
  });
}

/** What cannot be read allows nothing; it is taken off like one that is not needed. */
function allowance(text: string | undefined): Propagation['allowance'] {
  if (text === undefined) return undefined;
  if (text === 'true') return 'told';
  return /^\d{1,9}$/.test(text) ? Number(text) : 0;
}

/** One entry of `managedFields`: who wrote which fields, and when. */
const writtenShape = z.object({
  time: optionalTime,
  fieldsV1: z.object({ 'f:metadata': z.object({ 'f:annotations': z.record(z.string(), z.unknown()) }) }),
});

/** When an annotation was written last, as the API server notes it. */
function annotatedAtMs(raw: unknown, annotation: string): number | undefined {
  const { managedFields } = (raw as { metadata: { managedFields?: unknown } }).metadata;
  if (!Array.isArray(managedFields)) return undefined;
  const times = managedFields.flatMap((entry) => {
    const { data } = writtenShape.safeParse(entry);
    const isIn = data && `f:${annotation}` in data.fieldsV1['f:metadata']['f:annotations'];
    return isIn && data.time !== undefined ? [data.time] : [];
  });
  return times.length === 0 ? undefined : Math.max(...times);
}

function specOf(data: z.infer<typeof specShape>): PropagationSpec {
  return {
    suspend: data.suspend,
    drain: data.drain,
    algorithm: data.hash.algorithm,
    storage: data.hash.storage,
    maxDeletePercent: data.gc.maxDeletePercent,
    minDeletes: data.gc.minDeletes,
    adopt: data.adopt,
  };
}

/** A management Setting: the value that was set, else the default. */
export function parseSetting(raw: unknown): Setting {
  const { name, uid, resourceVersion } = parseMetadata(raw);
  const fields = raw as { value?: unknown; default?: unknown };
  const text = (value: unknown): string => (typeof value === 'string' ? value : '');
  return deepFreeze({
    name,
    namespace: '',
    uid,
    resourceVersion,
    value: text(fields.value) || text(fields.default),
  });
}
