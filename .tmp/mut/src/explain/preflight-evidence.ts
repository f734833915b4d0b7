import { randomBytes } from 'node:crypto';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CLUSTERS,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  type Resource,
  SECRETS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../api/names.ts';
import { parseClusterAuthToken, parseHashSecret } from '../api/parse-downstream.ts';
import { detectFormat } from '../hash/detect.ts';
import { type ApiServerPod, apiServers } from '../plane/api-servers.ts';
import { type Definition, readDefinition } from '../plane/definitions.ts';
import type { DownstreamPlane } from '../plane/downstream.ts';
import { isInForm, type Plane } from '../plane/plane.ts';
import { after, type Reading } from '../plane/reading.ts';
import { type ReviewAnswer, reviewToken } from '../plane/reviews.ts';
import { authenticators, type DaemonSet } from '../plane/workloads.ts';
import { EXCESSIVE_RIGHTS, heldRights, neededRights, type Right } from './rights.ts';

/** A definition that should be there, and what was found. */
export interface DefinitionEvidence {
  readonly name: string;
  readonly resource: Resource;
  readonly found: Reading<Definition | undefined>;
}

/** What was seen of one API server for its own sake. */
export interface PlaneEvidence {
  readonly server: string;
  /** By how many milliseconds its clock is ahead of ours; undefined: it did not say. */
  readonly skewMs: Reading<number | undefined>;
  readonly definitions: readonly DefinitionEvidence[];
}

export interface ClusterEvidence extends PlaneEvidence {
  readonly source: string;
  readonly reached: Reading<unknown>;
  readonly needed: readonly Right[];
  readonly held: Reading<readonly Right[]>;
  readonly excessive: Reading<readonly Right[]>;
  readonly daemonSets: Reading<readonly DaemonSet[]>;
  /** How many stored hashes there are of each format; `unknown` is one that no verifier takes. */
  readonly formats: Reading<Readonly<Record<string, number>>>;
  readonly probe: Reading<ReviewAnswer>;
  readonly apiServers: Reading<readonly ApiServerPod[]>;
}

const MANAGEMENT: readonly [Resource, readonly string[]][] = [
  [TOKENS, ['userId', 'token', 'clusterName', 'enabled', 'ttl', 'expiresAt']],
  [USERS, ['enabled']],
  [USER_ATTRIBUTES, ['GroupPrincipals', 'LastRefresh', 'NeedsRefresh']],
  [CLUSTERS, ['spec.localClusterAuthEndpoint']],
  [
    CLUSTER_PROPAGATIONS,
    [
      'spec.suspend',
      'spec.drain',
      'spec.hash',
      'spec.gc',
      'spec.adopt',
      'status.conditions',
      'status.refused',
      'status.tokens',
    ],
  ],
];
const DOWNSTREAM: readonly [Resource, readonly string[]][] = [
  [CLUSTER_AUTH_TOKENS, ['userName', 'enabled', 'expiresAt', 'hash', 'lastUsedAt']],
  [CLUSTER_USER_ATTRIBUTES, ['enabled', 'groups', 'lastRefresh', 'needsRefresh', 'extraByProvider']],
];

/** Looks at the management plane. */
export function lookAtManagement(plane: Plane, now: () => number): Promise<PlaneEvidence> {
  return lookAt(plane, MANAGEMENT, now);
}

async function lookAt(
  plane: Plane,
  kinds: readonly [Resource, readonly string[]][],
  now: () => number,
): Promise<PlaneEvidence> {
  const [probe, ...found] = await Promise.all([
    plane.probe('/version', now),
    ...kinds.map(([resource, fields]) => readDefinition(plane, resource, fields)),
  ]);
  const definitions = kinds.map(([resource], index) => ({
    name: `${resource.plural}.${resource.group}`,
    resource,
    found: found[index] as Reading<Definition | undefined>,
  }));
  const skewMs = probe.ok ? answered(plane, probe.value) : probe;
  return { server: plane.server, skewMs, definitions };
}

/** Whoever answers in an API server's place has a clock as well. */
function answered(
  { server }: Plane,
  { status, text, skewMs }: { status: number; text: string; skewMs: number | undefined },
): Reading<number | undefined> {
  if (isInForm(text)) return { ok: true, value: skewMs };
  const message = `GET ${server}/version: status ${status}, and not in the form of an API server`;
  return {
    ok: false,
    failure: { reason: status === 429 || status >= 500 ? 'Failing' : 'NoApiServer', message },
  };
}

/**
 * Looks at one cluster. Reads everything, writes nothing.
 *
 * @param plane - by the operator's credential, whose rights are judged
 * @param seer - by a credential that may see more; the same where there is none
 */
export async function lookAtCluster(
  plane: DownstreamPlane,
  seer: DownstreamPlane,
  now: () => number,
): Promise<ClusterEvidence> {
  const { namespace, source } = plane;
  const needed = neededRights(namespace);
  const reached = await plane.get(CLUSTER_AUTH_TOKENS, 'ace-preflight', parseClusterAuthToken, namespace);
  const own = await lookAt(seer, DOWNSTREAM, now);
  const [held, excessive] = [await heldRights(plane, needed), await heldRights(plane, EXCESSIVE_RIGHTS)];
  const nobody = `ace-preflight-probe:${randomBytes(16).toString('hex')}`;
  const [daemonSets, formats, probe, servers] = await Promise.all([
    authenticators(seer, namespace),
    storedFormats(seer),
    reviewToken(seer, nobody),
    apiServers(seer),
  ]);
  return {
    ...own,
    source,
    reached,
    needed,
    held,
    excessive,
    daemonSets,
    formats,
    probe,
    apiServers: servers,
  };
}

async function storedFormats(plane: DownstreamPlane): Promise<ClusterEvidence['formats']> {
  const { namespace } = plane;
  const labelSelector = `${LABEL_MANAGED_BY}=${FIELD_MANAGER}`;
  const hashes = await plane.list(SECRETS, (raw) => detectFormat(parseHashSecret(raw).hash), {
    namespace,
    labelSelector,
  });
  return after(hashes, async (formats) => {
    const counts: Record<string, number> = {};
    for (const format of formats) counts[format ?? 'unknown'] = (counts[format ?? 'unknown'] ?? 0) + 1;
    return { ok: true, value: counts };
  });
}
