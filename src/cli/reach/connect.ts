// reach/: how a command gets at the management plane and at clusters, also at many.

import type { AskConfig } from '../../config/ask.ts';
import { personalAccess } from '../../kube/kubeconfig.ts';
import { DownstreamPlane, openDownstream } from '../../plane/downstream.ts';
import { downstreamNamespaceOf } from '../../plane/downstream-namespace.ts';
import { ManagementPlane } from '../../plane/management.ts';
import type { PlaneOptions } from '../../plane/plane.ts';
import { known, type Reading } from '../../plane/reading.ts';
import { confirmCluster } from '../../plane/same-cluster.ts';
import type { Runtime } from '../terminal/runtime.ts';
import { note } from '../terminal/say.ts';

/** What a plane may take. */
export type Bounds = Pick<PlaneOptions, 'connections' | 'deadline'>;

const POLL_MS = 500;

/**
 * No request outlives the waiting, which begins now. Without any time it is looked once, in what one request may take; a look that
 * began in time may end.
 *
 * @param timeoutMs - at most a week, as one request may take at most
 */
export function whileWaiting(
  timeoutMs: number,
  { requestTimeoutMs }: Pick<AskConfig, 'requestTimeoutMs'>,
): Bounds {
  return { deadline: AbortSignal.timeout((timeoutMs || requestTimeoutMs) + POLL_MS) };
}

/**
 * The management plane that the flags name. Nothing is asked of it yet.
 *
 * @throws {ConfigError} when no kubeconfig says where it is
 */
export async function managementPlane(config: AskConfig, bounds: Bounds = {}): Promise<ManagementPlane> {
  return new ManagementPlane(await personalAccess(config.kubeconfig), {
    ...bounds,
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    credentialNamespaces: [...new Set([config.namespace, ...config.credentialNamespaces])],
  });
}

/**
 * A downstream cluster, reached by the credentials that the operator would use, of which nothing is asked yet; or by a kubeconfig
 * that was given, of which it is asked whether it is of this cluster. What it takes to reach clusters is read from the management
 * plane once, however many are opened.
 *
 * @throws {ConfigError} when the kubeconfig that was given cannot be used, or is of another cluster
 */
export async function downstreamPlane(
  id: string,
  management: ManagementPlane,
  config: AskConfig,
  bounds: Bounds = {},
): Promise<Reading<DownstreamPlane>> {
  const namespace = await downstreamNamespace(id, management, config);
  if (!namespace.ok) return namespace;
  const given = await givenDownstream(config.downstreamKubeconfig, config, namespace.value, bounds);
  if (given) return { ok: true, value: await confirmed(given, id, management) };
  const { remembered } = management;
  const [cluster, listed] = await Promise.all([remembered.cluster(id), remembered.ways()]);
  const ways = await management.waysFor(id, known(cluster), listed);
  if (!ways.ok) return ways;
  const opened = await openDownstream(id, known(cluster), ways.value, {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace: namespace.value,
    ...bounds,
  });
  // The Cluster may name what no label does.
  return !opened.ok && opened.failure.reason === 'NoCredentials' && !cluster.ok ? cluster : opened;
}

/**
 * Whoever may not know which installation this is sees less that is ours, and should not take that for all.
 *
 * @param then - what becomes of what is not known to be ours, in words
 */
export async function tellUnknownInstallation(
  plane: ManagementPlane,
  runtime: Runtime,
  then: string,
): Promise<void> {
  if ((await plane.remembered.installationId()) !== undefined) return;
  note(
    `the UID of namespace kube-system may not be read, by which this installation is known: what it wrote under earlier ids of a cluster ${then}`,
    runtime,
  );
}

/** Where our objects are in a cluster: as it was typed, else as its ClusterPropagation says. */
async function downstreamNamespace(
  id: string,
  management: ManagementPlane,
  { downstreamNamespace: typed }: AskConfig,
): Promise<Reading<string>> {
  if (typed !== undefined) return { ok: true, value: typed };
  return downstreamNamespaceOf(await management.remembered.propagation(id));
}

/** @throws {ConfigError} when it is another cluster; then it is closed */
async function confirmed(
  given: DownstreamPlane,
  id: string,
  { remembered }: ManagementPlane,
): Promise<DownstreamPlane> {
  try {
    given.unproven = await confirmCluster(given, id, await remembered.propagation(id));
    return given;
  } catch (error) {
    await given.close();
    throw error;
  }
}

/** A downstream cluster by an administrator's kubeconfig. Whose it is was not asked yet. @throws {ConfigError} when that cannot be used */
export async function givenDownstream(
  file: string | undefined,
  config: AskConfig,
  namespace: string,
  bounds: Bounds = {},
): Promise<DownstreamPlane | undefined> {
  if (file === undefined) return undefined;
  const choice = { files: [file], required: true, context: undefined, as: config.kubeconfig.as };
  return new DownstreamPlane(await personalAccess(choice), {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace,
    ...bounds,
    source: file,
  });
}
