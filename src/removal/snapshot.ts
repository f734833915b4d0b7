import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import { parseMetadata, parseTime } from '../api/parse-fields.ts';
import type { Observed } from '../api/types.ts';
import {
  ObservedState,
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseSecret,
} from '../clusters/observed.ts';
import type { Ways } from '../clusters/ways.ts';
import type { Installation } from '../derive/ownership.ts';
import type { Store } from '../kube/store.ts';
import { EXT_TOKENS_WATCH, Management } from '../operator/upstream/management.ts';
import type { DownstreamPlane } from '../plane/downstream.ts';
import type { ManagementPlane } from '../plane/management.ts';
import { needed } from '../plane/needed.ts';
import { known, type Reading } from '../plane/reading.ts';

/**
 * The management plane as the operator would hold it, read once and whole. Tokens of `ext.cattle.io` may be unread, and are said to be:
 * see {@link Management.unread}.
 *
 * @param readsCredentials - false where clusters are reached by other means: no Secret is looked at then
 * @throws {ConnectionError} when any other part cannot be read: what is missing here would count as deleted
 */
export async function readManagement(plane: ManagementPlane, readsCredentials: boolean): Promise<Management> {
  const [v3, ext, users, clusters, propagations, ways] = await Promise.all([
    plane.v3Tokens(),
    plane.extTokens(),
    plane.users(),
    plane.clusters(),
    plane.propagations(),
    readsCredentials ? plane.ways() : NO_WAYS,
  ]);
  plane.remembered.learn({ clusters, propagations });
  const { secrets: credentials } = needed(ways);
  const namespaces = [...new Set(credentials.map(({ namespace }) => namespace))];
  const management = new Management(namespaces, { extTokens: true });
  management.tokens.replace([...needed(v3), ...(known(ext) ?? [])]);
  if (!ext.ok) management.unread.set(EXT_TOKENS_WATCH, ext.failure.message);
  management.users.replace(needed(users));
  management.clusters.replace(needed(clusters));
  // Its definition is missing where no operator ever ran: then nothing has another spec than the default.
  const isUnknownKind = !propagations.ok && propagations.failure.reason === 'KindMissing';
  management.propagations.replace(isUnknownKind ? [] : needed(propagations));
  for (const [namespace, store] of management.credentials) {
    store.replace(credentials.filter((secret) => secret.namespace === namespace));
  }
  return management;
}

const NO_WAYS: Reading<Ways> = { ok: true, value: { secrets: [], rancher: [] } };

/** A downstream cluster as the operator would see it, and what it does not look at: how old its objects are. */
export interface DownstreamSnapshot {
  readonly observed: ObservedState;
  /** Milliseconds since the epoch, by UID. */
  readonly createdAtMs: ReadonlyMap<string, number>;
  /** Milliseconds since the epoch, by the name of the ClusterAuthToken. */
  readonly lastUsedAtMs: ReadonlyMap<string, number>;
}

/**
 * Reads a downstream cluster once and whole. One without our definitions has nothing of ours.
 *
 * @param installation - what management knows of other cluster ids
 * @throws {ConnectionError} when it cannot be read
 */
export async function readDownstream(
  cluster: string,
  plane: DownstreamPlane,
  installation: Installation,
): Promise<DownstreamSnapshot> {
  const snapshot = {
    observed: new ObservedState(cluster, () => {}, installation),
    createdAtMs: new Map<string, number>(),
    lastUsedAtMs: new Map<string, number>(),
  };
  const { observed } = snapshot;
  const ours = `${LABEL_MANAGED_BY}=${FIELD_MANAGER}`;
  const fill = async (
    resource: Resource,
    store: Store<Observed>,
    parse: (raw: unknown) => Observed,
    labelSelector?: string,
  ): Promise<void> => {
    const note = (raw: unknown): Observed => {
      const seen = parse(raw);
      const createdAtMs = parseTime(parseMetadata(raw).creationTimestamp ?? '');
      if (createdAtMs !== undefined) snapshot.createdAtMs.set(seen.uid, createdAtMs);
      const { lastUsedAt } = raw as { lastUsedAt?: unknown };
      const usedAtMs = typeof lastUsedAt === 'string' ? parseTime(lastUsedAt) : undefined;
      if (usedAtMs !== undefined) snapshot.lastUsedAtMs.set(seen.name, usedAtMs);
      return seen;
    };
    const listed = await plane.list(resource, note, { namespace: plane.namespace, labelSelector });
    const isUnknownKind = !listed.ok && listed.failure.reason === 'KindMissing';
    store.replace(isUnknownKind ? [] : needed(listed));
  };
  await Promise.all([
    fill(CLUSTER_AUTH_TOKENS, observed.tokens, parseClusterAuthToken),
    fill(CLUSTER_USER_ATTRIBUTES, observed.users, parseClusterUserAttribute),
    // The namespace holds others' Secrets, too: they are none of our business.
    fill(SECRETS, observed.secrets, parseSecret, ours),
  ]);
  return snapshot;
}
