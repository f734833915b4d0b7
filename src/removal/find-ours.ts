import {
  apiVersionOf,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  clusterOfKeptWay,
  FIELD_MANAGER,
  LABEL_CLUSTER,
  LABEL_MANAGED_BY,
  REFRESH_DEBOUNCE,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import { observedParser } from '../api/parse-observed.ts';
import type { KubeObject } from '../api/types.ts';
import { isMarked } from '../derive/ownership.ts';
import type { DownstreamPlane } from '../plane/downstream.ts';
import type { Reading } from '../plane/reading.ts';

/** What is in a downstream cluster, by labels and marks alone: the management plane need not exist any more. */
export interface Found {
  /** In the order in which they go: without its ClusterAuthToken a Secret opens nothing. No hash is among them. */
  readonly ours: readonly KubeObject[];
  /** Management ids that the labels of ours name. */
  readonly clusters: readonly string[];
  /** Management ids of what is ours as well, and was not asked for. */
  readonly spared: readonly string[];
  /** ClusterAuthTokens and ClusterUserAttributes of others; their Secrets and ConfigMaps are not looked at. */
  readonly others: number;
}

const OURS = `${LABEL_MANAGED_BY}=${FIELD_MANAGER}`;

/**
 * Everything that was written for a cluster: it carries our labels, or names its cluster and says for which Token or User we wrote it.
 *
 * @param cluster - only what was written for this management id; undefined: for any
 */
export async function findOurs(plane: DownstreamPlane, cluster: string | undefined): Promise<Reading<Found>> {
  const found: KubeObject[] = [];
  for (const resource of [CLUSTER_AUTH_TOKENS, SECRETS, CLUSTER_USER_ATTRIBUTES, CONFIG_MAPS]) {
    const isWholeKindOurs = resource === CLUSTER_AUTH_TOKENS || resource === CLUSTER_USER_ATTRIBUTES;
    const listed = await listObjects(plane, resource, isWholeKindOurs ? undefined : OURS);
    if (!listed.ok) return listed;
    found.push(...listed.value.filter(isForClusters));
  }
  // Who put another manager on it has drifted our object, not made it theirs.
  const written = found.filter(
    (object) => object.metadata.labels?.[LABEL_MANAGED_BY] === FIELD_MANAGER || isMarked(object),
  );
  const idOf = ({ metadata }: KubeObject): string => metadata.labels?.[LABEL_CLUSTER] ?? '';
  // One that names no cluster is not of our making, whatever it says of its manager.
  const owned = Map.groupBy(
    written.filter((object) => idOf(object) !== ''),
    (object) => cluster === undefined || idOf(object) === cluster,
  );
  const idsOf = (objects: readonly KubeObject[]): readonly string[] => [...new Set(objects.map(idOf))].sort();
  const ours = owned.get(true) ?? [];
  const spared = owned.get(false) ?? [];
  const others = found.length - ours.length - spared.length;
  return { ok: true, value: { ours, clusters: idsOf(ours), spared: idsOf(spared), others } };
}

/**
 * The cluster may be the management plane as well: what the operator keeps there, such as what it owes to clusters, bears our labels, and
 * is no object of ours in a cluster. It is known by kind and name: a label can be put on anything, by a policy or by hand, and must not
 * hide what lets somebody in.
 */
function isForClusters({ kind, metadata: { name } }: KubeObject): boolean {
  if (kind === CONFIG_MAPS.kind) return name === REFRESH_DEBOUNCE;
  return kind !== SECRETS.kind || clusterOfKeptWay(name) === undefined;
}

async function listObjects(
  plane: DownstreamPlane,
  resource: Resource,
  labelSelector: string | undefined,
): Promise<Reading<readonly KubeObject[]>> {
  const parse = observedParser(apiVersionOf(resource), resource.kind);
  const withoutHash = (raw: unknown): KubeObject => {
    const { data: _data, hash: _hash, ...object } = parse(raw).object;
    return object;
  };
  // Objects of another --downstream-namespace are ours as well; who may not look everywhere looks where they usually are.
  const everywhere = await plane.list(resource, withoutHash, { labelSelector });
  const listed =
    !everywhere.ok && everywhere.failure.reason === 'Forbidden'
      ? await plane.list(resource, withoutHash, { namespace: plane.namespace, labelSelector })
      : everywhere;
  if (listed.ok) return listed;
  if (listed.failure.reason === 'KindMissing') return { ok: true, value: [] };
  if (listed.failure.reason === 'Forbidden' && resource === CONFIG_MAPS)
    return theConfigMap(plane, withoutHash);
  return listed;
}

/** There is one that we write, and the operator's own credential may look at that alone. */
async function theConfigMap(
  plane: DownstreamPlane,
  parse: (raw: unknown) => KubeObject,
): Promise<Reading<readonly KubeObject[]>> {
  const found = await plane.get(CONFIG_MAPS, REFRESH_DEBOUNCE, parse, plane.namespace);
  return found.ok ? { ok: true, value: found.value ? [found.value] : [] } : found;
}
