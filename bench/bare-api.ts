import { Pool } from 'undici';
import { apiVersionOf, type Resource } from '../src/api/names.ts';
import { managementAccess } from '../src/kube/management-access.ts';
import { collectionPath } from '../src/kube/paths.ts';

const PAGE_LIMIT = 500;

/** HTTPS over kept-alive connections and nothing else: what every figure of the operator is compared with. */
export class BareApi {
  readonly #pool: Pool;

  private constructor(pool: Pool) {
    this.#pool = pool;
  }

  static async open(kubeconfig: string, connections: number): Promise<BareApi> {
    const { server, tls } = await managementAccess(kubeconfig);
    const connect = { ...tls } as Pool.Options['connect'];
    return new BareApi(
      new Pool(server.origin, {
        connections,
        allowH2: false,
        keepAliveTimeout: 30_000,
        connect,
      } as Pool.Options),
    );
  }

  /** @throws {Error} for an answer that is not 2xx; its text is read, not parsed */
  async send(method: 'GET' | 'POST' | 'DELETE', path: string, body?: object): Promise<string> {
    const headers = {
      accept: 'application/json',
      'content-type': 'application/json',
      'user-agent': 'ace-bench-bare',
    };
    const text = body === undefined ? null : JSON.stringify(body);
    // Without `reset` undici ends the connection after a DELETE that has a body.
    const response = await this.#pool.request({ method, path, headers, body: text, reset: false });
    const answer = await response.body.text();
    if (response.statusCode > 299)
      throw new Error(`${method} ${path}: ${response.statusCode} ${answer.slice(0, 300)}`);
    return answer;
  }

  create(resource: Resource, object: { metadata: { name: string; namespace?: string } }): Promise<string> {
    return this.send('POST', collectionPath(resource, object.metadata.namespace), object);
  }

  /** Deletes one object, whatever its UID. */
  remove(resource: Resource, name: string, namespace?: string): Promise<string> {
    return this.send('DELETE', `${collectionPath(resource, namespace)}/${name}`);
  }

  /** Whether a collection has anything: one object is read. */
  async hasAny(resource: Resource, namespace?: string, labelSelector?: string): Promise<boolean> {
    const query = new URLSearchParams({ limit: '1', ...(labelSelector ? { labelSelector } : {}) });
    const page = JSON.parse(await this.send('GET', `${collectionPath(resource, namespace)}?${query}`));
    return page.items.length > 0;
  }

  /** Reads a collection page by page. @returns how many objects there were */
  async countByPages(resource: Resource, namespace?: string, labelSelector?: string): Promise<number> {
    let count = 0;
    let next = '';
    do {
      const query = new URLSearchParams({ limit: String(PAGE_LIMIT) });
      if (labelSelector) query.set('labelSelector', labelSelector);
      if (next) query.set('continue', next);
      const page = JSON.parse(await this.send('GET', `${collectionPath(resource, namespace)}?${query}`));
      count += page.items.length;
      next = page.metadata.continue ?? '';
    } while (next !== '');
    return count;
  }

  async deleteAll(resource: Resource, namespace?: string): Promise<void> {
    await this.send('DELETE', collectionPath(resource, namespace));
  }

  async ensureNamespace(name: string): Promise<void> {
    const namespaces: Resource = {
      group: '',
      version: 'v1',
      plural: 'namespaces',
      kind: 'Namespace',
      namespaced: false,
    };
    const object = { apiVersion: apiVersionOf(namespaces), kind: namespaces.kind, metadata: { name } };
    await this.create(namespaces, object).catch((error: Error) => {
      if (!error.message.includes('AlreadyExists')) throw error;
    });
  }

  /** Version of the API server. */
  async version(): Promise<string> {
    return JSON.parse(await this.send('GET', '/version')).gitVersion;
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}
