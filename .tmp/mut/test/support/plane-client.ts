import type { Resource } from '../../src/api/names.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { managementAccess } from '../../src/kube/management-access.ts';
import { Transport } from '../../src/kube/transport.ts';
import type { ControlPlane } from './control-plane.ts';

/** Any object of any kind, as a test sees it. */
// biome-ignore lint/suspicious/noExplicitAny: tests look into objects of every shape
export type Any = any;

/** What tests do with one API server, as its administrator. */
export interface PlaneClient {
  readonly client: KubeClient;
  get(resource: Resource, name: string, namespace?: string): Promise<Any | undefined>;
  list(resource: Resource, namespace?: string): Promise<readonly Any[]>;
  create(resource: Resource, object: object): Promise<Any>;
  patch(resource: Resource, name: string, patch: object, namespace?: string): Promise<Any>;
  /** Deletes an object whatever its UID; one that is not there is fine. */
  remove(resource: Resource, name: string, namespace?: string): Promise<void>;
  close(): Promise<void>;
}

export async function planeClient(plane: Pick<ControlPlane, 'adminKubeconfig'>): Promise<PlaneClient> {
  const access = await managementAccess(plane.adminKubeconfig);
  const transport = new Transport(access, { connections: 16, timeoutMs: 10_000, userAgent: 'ace-tests' });
  const client = new KubeClient(transport);
  const get = (resource: Resource, name: string, namespace?: string): Promise<Any | undefined> =>
    client.get({ resource, name, namespace });
  return {
    client,
    get,
    async list(resource, namespace) {
      const items: Any[] = [];
      let token = '';
      do {
        const page = await client.list(resource, {
          namespace,
          limit: 1_000,
          ...(token ? { continue: token } : {}),
        });
        items.push(...page.items);
        token = page.continue;
      } while (token !== '');
      return items;
    },
    create: (resource, object) => client.create(resource, object as Any),
    patch: (resource, name, patch, namespace) => client.patch({ resource, name, namespace }, patch),
    async remove(resource, name, namespace) {
      const live = await get(resource, name, namespace);
      if (live) await client.delete({ resource, name, namespace }, { uid: live.metadata.uid });
    },
    close: () => transport.close(),
  };
}
