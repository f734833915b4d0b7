import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KubeObject } from '../../src/api/types.ts';

interface OpenWatch {
  readonly plural: string;
  readonly name: string | undefined;
  readonly response: ServerResponse;
}

interface Event {
  readonly plural: string;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: KubeObject;
  readonly version: number;
}

const DRIP_MS = 100;

/**
 * A small real HTTP server that lists and watches objects as an API server does: versions, replays from a version,
 * field selectors by name. Reads only.
 */
export class ClusterServer {
  /** Refuses requests for these plurals with this status, leaves them unanswered, or lets their lists drip for as long as it is there. */
  readonly faults = new Map<string, number | 'silent' | 'dripping'>();
  readonly #server: Server = createServer((request, response) => this.#take(request, response));
  readonly #objects = new Map<string, Map<string, KubeObject>>();
  readonly #events: Event[] = [];
  readonly #watches = new Set<OpenWatch>();
  readonly #requests: string[] = [];
  #version = 100;

  async listen(): Promise<URL> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** Method and path of every request so far. */
  get requests(): readonly string[] {
    return this.#requests;
  }

  put(plural: string, object: KubeObject): KubeObject {
    const objects = this.#of(plural);
    const old = objects.get(object.metadata.name);
    this.#version += 1;
    const uid = object.metadata.uid ?? old?.metadata.uid ?? `uid-${object.metadata.name}-${this.#version}`;
    const metadata = { ...object.metadata, uid, resourceVersion: String(this.#version) };
    const stored: KubeObject = { ...object, metadata };
    objects.set(object.metadata.name, stored);
    this.#tell({ plural, type: old ? 'MODIFIED' : 'ADDED', object: stored, version: this.#version });
    return stored;
  }

  remove(plural: string, name: string): void {
    const old = this.#of(plural).get(name);
    if (!old) return;
    this.#of(plural).delete(name);
    this.#version += 1;
    const object = { ...old, metadata: { ...old.metadata, resourceVersion: String(this.#version) } };
    this.#tell({ plural, type: 'DELETED', object, version: this.#version });
  }

  /** From now on another cluster answers here: nothing of this one is there, and its versions are ahead. Watches are cut. */
  becomeAnother(): void {
    this.#objects.clear();
    this.#events.length = 0;
    this.#version += 1_000;
    this.cutWatches();
  }

  /** Ends every watch in order. @param meanwhile - done while none is open */
  cutWatches(meanwhile: () => void = () => {}): void {
    const open = [...this.#watches];
    this.#watches.clear();
    meanwhile();
    for (const { response } of open) response.end();
  }

  #of(plural: string): Map<string, KubeObject> {
    const known = this.#objects.get(plural) ?? new Map<string, KubeObject>();
    this.#objects.set(plural, known);
    return known;
  }

  #tell(event: Event): void {
    this.#events.push(event);
    for (const watch of this.#watches) send(watch, event);
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const isStream = searchParams.has('sendInitialEvents');
    if (!isStream) this.#requests.push(`${request.method} ${pathname}`);
    const plural = pathname.split('/').at(-1) ?? '';
    const name = /^metadata\.name=(.+)$/.exec(searchParams.get('fieldSelector') ?? '')?.[1];
    const fault = this.faults.get(plural);
    if (fault === 'silent') return;
    if (fault === 'dripping' && !isStream && !searchParams.has('watch')) {
      this.#drip(response, plural, name);
      return;
    }
    // Lists as streams are refused, as older servers do.
    if (fault !== undefined || request.method !== 'GET' || isStream) {
      const code = typeof fault === 'number' ? fault : isStream ? 422 : 405;
      const status = {
        kind: 'Status',
        status: 'Failure',
        code,
        reason: 'Test',
        message: 'refused by the test',
      };
      response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(status));
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (searchParams.has('watch'))
      this.#watch({ plural, name, response }, Number(searchParams.get('resourceVersion')));
    else response.end(JSON.stringify(this.#list(plural, name)));
  }

  /** Sends a list as it is at the end, behind blanks that go on until then. */
  #drip(response: ServerResponse, plural: string, name: string | undefined): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    const timer = setInterval(() => {
      if (this.faults.get(plural) === 'dripping') response.write(' ');
      else {
        clearInterval(timer);
        response.end(JSON.stringify(this.#list(plural, name)));
      }
    }, DRIP_MS);
    response.on('close', () => clearInterval(timer));
  }

  #list(plural: string, name: string | undefined): object {
    const all = [...this.#of(plural).values()];
    const items = all.filter(({ metadata }) => name === undefined || metadata.name === name);
    return { kind: 'List', items, metadata: { resourceVersion: String(this.#version) } };
  }

  #watch(watch: OpenWatch, since: number): void {
    watch.response.flushHeaders();
    for (const event of this.#events) if (event.version > since) send(watch, event);
    this.#watches.add(watch);
    watch.response.on('close', () => this.#watches.delete(watch));
  }
}

function send(watch: OpenWatch, { plural, type, object }: Event): void {
  if (plural !== watch.plural || (watch.name !== undefined && watch.name !== object.metadata.name)) return;
  watch.response.write(`${JSON.stringify({ type, object })}\n`);
}
