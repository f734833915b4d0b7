import { FIELD_MANAGER, keptWayName, LABEL_COMPONENT, LABEL_MANAGED_BY, SECRETS } from '../../api/names.ts';
import type { Credentials } from '../../clusters/credentials.ts';
import { isAlreadyExists } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Management } from '../upstream/management.ts';

/**
 * Keeps the way to a cluster as a Secret of ours, from the first connection until the cluster is drained or given up: its own
 * credentials may go before the Cluster does, and the process may end between the two.
 *
 * @throws {ApiError | ConnectionError | FencedError}
 */
async function keepWay(
  client: Writer,
  management: Management,
  cluster: string,
  credentials: Credentials,
): Promise<void> {
  const kubeconfig =
    credentials.kind === 'found' && !credentials.isKept ? credentials.kubeconfig() : undefined;
  if (kubeconfig === undefined || management.keptWay(cluster)?.kubeconfig === kubeconfig) return;
  const [name, namespace] = [keptWayName(cluster), management.ownNamespace];
  const data = { kubeconfig: Buffer.from(kubeconfig).toString('base64') };
  const labels = { [LABEL_MANAGED_BY]: FIELD_MANAGER, [LABEL_COMPONENT]: 'way' };
  const metadata = { name, namespace, labels };
  try {
    await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata, type: 'Opaque', data });
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    await client.patch({ resource: SECRETS, namespace, name }, { metadata: { labels }, data });
  }
}

/** Keeps the way, or forgets it. A failure is logged: the next sweep tries again. */
export async function followWay(
  cluster: string,
  by: Credentials | 'drained',
  {
    client,
    management,
    log,
  }: { readonly client: Writer; readonly management: Management; readonly log: Log },
): Promise<void> {
  try {
    if (by === 'drained') await forgetWay(client, management, cluster);
    else await keepWay(client, management, cluster, by);
  } catch (error) {
    log.warn('way to the cluster not kept', { cluster, error });
  }
}

/** Nothing of ours is left there, or nobody will look. @throws {ApiError | ConnectionError | FencedError} */
export async function forgetWay(client: Writer, management: Management, cluster: string): Promise<void> {
  const kept = management.keptWay(cluster);
  if (!kept) return;
  await client.delete({ resource: SECRETS, namespace: kept.namespace, name: kept.name }, { uid: kept.uid });
}
