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

/** A downstream cluster, reached by the credentials that the operator would use. Nothing is asked of it yet. */
export async function downstreamPlane(
  id: string,
  management: ManagementPlane,
  config: AskConfig,
): Promise<Reading<DownstreamPlane>> {
  const [cluster, secrets] = await Promise.all([management.cluster(id), management.credentialsSecrets()]);
  if (!secrets.ok) return secrets;
  return openDownstream(id, known(cluster), secrets.value, {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace: config.downstreamNamespace,
  });
}

/** A downstream cluster by an administrator's kubeconfig. @throws {ConfigError} when that cannot be used */
export async function givenDownstream(
  file: string | undefined,
  config: AskConfig,
): Promise<DownstreamPlane | undefined> {
  if (file === undefined) return undefined;
  return new DownstreamPlane(await personalAccess({ files: [file], required: true, context: undefined }), {
    timeoutMs: config.requestTimeoutMs,
    userAgent: config.userAgent,
    namespace: config.downstreamNamespace,
    source: file,
  });
}
