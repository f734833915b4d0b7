import { DEFAULT_DOWNSTREAM_NAMESPACE } from '../api/names.ts';
import type { AskConfig } from '../config/ask.ts';
import { personalAccess } from '../kube/kubeconfig.ts';
import { DownstreamPlane, openDownstream } from '../plane/downstream.ts';
import { ManagementPlane } from '../plane/management.ts';
import { known, type Reading } from '../plane/reading.ts';

/**
 * The management plane that the flags name. Nothing is asked of it yet.
 *
 * @throws {ConfigError} when no kubeconfig says where it is
 */
export async function managementPlane(config: AskConfig): Promise<ManagementPlane> {
  return new ManagementPlane(await personalAccess(config.kubeconfig), {
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
): Promise<Reading<DownstreamPlane>> {
  const [cluster, secrets, namespace] = await Promise.all([
    management.remembered.cluster(id),
    management.remembered.credentialsSecrets(),
    downstreamNamespace(id, management, config),
  ]);
  if (!secrets.ok) return secrets;
  return openDownstream(id, known(cluster), secrets.value, {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace,
  });
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
): Promise<DownstreamPlane | undefined> {
  if (file === undefined) return undefined;
  return new DownstreamPlane(await personalAccess({ files: [file], required: true, context: undefined }), {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace,
    source: file,
  });
}
