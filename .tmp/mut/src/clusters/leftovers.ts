import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import type { Observed } from '../api/types.ts';
import { isOurs } from '../derive/ownership.ts';
import { ApiError } from '../errors.ts';
import { KubeClient } from '../kube/client.ts';
import { listAll } from '../kube/listing.ts';
import { Transport } from '../kube/transport.ts';
import type { ConnectionOptions } from './connection.ts';
import { parseClusterAuthToken, parseClusterUserAttribute, parseSecret } from './observed.ts';

const LIMIT_MS = 60_000;

/**
 * Whether anything of ours is in a cluster that nothing is wanted in: by three lists. Nothing is watched, made ready or written.
 *
 * @throws {ApiError | ConnectionError | ConfigError} when the cluster does not tell
 */
export async function holdsOurs(
  options: Omit<ConnectionOptions, 'onLost' | 'onObject' | 'definitions'>,
): Promise<boolean> {
  const transport = new Transport(options.access, { ...options, connections: 1 });
  const client = new KubeClient(transport, options.onRequest);
  const holds = async (resource: Resource, parse: (raw: unknown) => Observed): Promise<boolean> => {
    const { cluster, installation, namespace } = options;
    // The namespace holds others' Secrets too: they are none of our business.
    const labelSelector = resource === SECRETS ? `${LABEL_MANAGED_BY}=${FIELD_MANAGER}` : undefined;
    const collection = { client, resource, namespace, labelSelector, parse };
    try {
      const { items } = await listAll(collection, AbortSignal.timeout(LIMIT_MS));
      return items.some(({ object }) => isOurs(object, cluster, installation));
    } catch (error) {
      // Where the kind is not defined there is none of it. No API server lacks Secrets: there, a proxy does not reach it.
      const isUndefined = error instanceof ApiError && error.code === 404 && resource !== SECRETS;
      if (!isUndefined) throw error;
      return false;
    }
  };
  try {
    return (
      (await holds(CLUSTER_AUTH_TOKENS, parseClusterAuthToken)) ||
      (await holds(CLUSTER_USER_ATTRIBUTES, parseClusterUserAttribute)) ||
      // Last: it vouches for what the others said.
      (await holds(SECRETS, parseSecret))
    );
  } finally {
    await transport.close();
  }
}
