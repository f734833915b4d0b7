import { CLUSTER_AUTH_TOKENS } from '../api/names.ts';
import { ApiError } from '../errors.ts';
import { KubeClient } from '../kube/client.ts';
import { Transport } from '../kube/transport.ts';
import type { ConnectionOptions } from './connection.ts';

/**
 * Tries a way into a cluster by one small list, over a connection of its own. Nothing is made ready or written.
 *
 * @throws {ApiError | ConnectionError} when it does not let us see what all work there begins with
 */
export async function letsIn(
  options: Omit<ConnectionOptions, 'onLost' | 'onObject' | 'definitions'>,
): Promise<void> {
  const transport = new Transport(options.access, { ...options, connections: 1 });
  const client = new KubeClient(transport, options.onRequest);
  try {
    await client.list(CLUSTER_AUTH_TOKENS, { namespace: options.namespace, limit: 1 });
  } catch (error) {
    // Who may look is told that there is no such kind.
    if (!(error instanceof ApiError && error.code === 404)) throw error;
  } finally {
    await transport.close();
  }
}
