import { managementAccess } from '../../src/kube/management-access.ts';
import { Transport } from '../../src/kube/transport.ts';
import { bearerKubeconfig } from './bearer-kubeconfig.ts';

/** Somebody with a bearer token, and what an API server says to them. */
export interface BearerClient {
  /** HTTP status of one request: 401 is refused, 403 is let in without a right, 200 is let in with one. */
  status(path?: string): Promise<number>;
  close(): Promise<void>;
}

/** A client that asks once and does not ask again, unlike kubectl. */
export async function bearerClient(
  cluster: Parameters<typeof bearerKubeconfig>[0],
  bearer: string,
  connections = 4,
): Promise<BearerClient> {
  const access = await managementAccess(await bearerKubeconfig(cluster, bearer));
  const transport = new Transport(access, { connections, timeoutMs: 30_000, userAgent: 'ace-bearer' });
  return {
    status: async (path = '/api/v1/namespaces') => (await transport.request('GET', path)).status,
    close: () => transport.close(),
  };
}
