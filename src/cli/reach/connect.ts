// reach/: how a command gets at the management plane and at clusters, also at many.

import { DEFAULT_DOWNSTREAM_NAMESPACE } from '../../api/names.ts';
import type { Cluster, CredentialsSecret } from '../../api/types.ts';
import { namesOfSecrets } from '../../clusters/credentials.ts';
import type { AskConfig } from '../../config/ask.ts';
import { personalAccess } from '../../kube/kubeconfig.ts';
import { DownstreamPlane, openDownstream } from '../../plane/downstream.ts';
import { ManagementPlane } from '../../plane/management.ts';
import type { PlaneOptions } from '../../plane/plane.ts';
import { known, type Reading } from '../../plane/reading.ts';

/** What a plane may take. */
type Bounds = Pick<PlaneOptions, 'connections' | 'deadline'>;

const POLL_MS = 500;

/** No request outlives the waiting, which begins now. Once is looked even without any time; a look that began in time may end. */
export function whileWaiting(timeoutMs: number): Bounds {
  return timeoutMs === 0 ? {} : { deadline: AbortSignal.timeout(Math.max(timeoutMs, POLL_MS) + POLL_MS) };
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
 * A downstream cluster, reached by the credentials that the operator would use. Nothing is asked of it yet. What it
 * takes to reach clusters is read from the management plane once, however many are opened.
 */
export async function downstreamPlane(
  id: string,
  management: ManagementPlane,
  config: AskConfig,
  bounds: Bounds = {},
): Promise<Reading<DownstreamPlane>> {
  const namespace = await downstreamNamespace(id, management, config);
  const given = await givenDownstream(config.downstreamKubeconfig, config, namespace, bounds);
  if (given) return { ok: true, value: given };
  const [cluster, listed] = await Promise.all([
    management.remembered.cluster(id),
    management.remembered.credentialsSecrets(),
  ]);
  const secrets = await readableSecrets(id, listed, known(cluster), management);
  if (!secrets.ok) return secrets;
  return openDownstream(id, known(cluster), secrets.value, {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace,
    ...bounds,
  });
}

/** Whoever may not list them all may be allowed to read those that a convention names. */
async function readableSecrets(
  id: string,
  listed: Reading<readonly CredentialsSecret[]>,
  cluster: Cluster | undefined,
  management: ManagementPlane,
): Promise<Reading<readonly CredentialsSecret[]>> {
  if (listed.ok || listed.failure.reason !== 'Forbidden') return listed;
  const named = await management.credentialsNamed(namesOfSecrets(id, cluster));
  return named.length === 0 ? listed : { ok: true, value: named };
}

/** Where our objects are in a cluster: as it was typed, else as the operator reports, else where Rancher has its own. */
export async function downstreamNamespace(
  id: string | undefined,
  management: ManagementPlane | undefined,
  config: AskConfig,
): Promise<string> {
  if (config.downstreamNamespace !== undefined) return config.downstreamNamespace;
  const propagation =
    id === undefined || !management ? undefined : known(await management.remembered.propagation(id));
  return propagation?.status.downstreamNamespace ?? DEFAULT_DOWNSTREAM_NAMESPACE;
}

/** A downstream cluster by an administrator's kubeconfig. @throws {ConfigError} when that cannot be used */
export async function givenDownstream(
  file: string | undefined,
  config: AskConfig,
  namespace: string,
  bounds: Bounds = {},
): Promise<DownstreamPlane | undefined> {
  if (file === undefined) return undefined;
  return new DownstreamPlane(await personalAccess({ files: [file], required: true, context: undefined }), {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace,
    ...bounds,
    source: file,
  });
}
