import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { CLUSTER_AUTH_TOKENS } from '../../src/api/names.ts';
import { observedParser } from '../../src/api/parse-observed.ts';
import type { Observed } from '../../src/api/types.ts';
import { KubeClient } from '../../src/kube/client.ts';
import { Reflector } from '../../src/kube/reflector.ts';
import type {
  ReflectorObserver,
  ReflectorOptions,
  ReflectorTiming,
} from '../../src/kube/reflector-options.ts';
import { Store } from '../../src/kube/store.ts';
import { Transport } from '../../src/kube/transport.ts';

/** One open watch: what the test sends down it. */
export interface OpenWatch {
  readonly query: URLSearchParams;
  readonly closed: boolean;
  /** One event, as a line. */
  send(type: string, object: unknown): void;
  /** Any bytes. */
  write(text: string | Uint8Array): void;
  /** Ends the stream as a server does at its timeout. */
  end(): void;
  /** Tears the connection down. */
  cut(): void;
}

export interface Answer {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body: unknown;
}

/** A small real HTTP server that speaks as much list + watch as a test scripts. */
export class WatchServer {
  readonly lists: URLSearchParams[] = [];
  /** How often the version of the plane was asked. */
  probes = 0;
  /** The version that the plane has reached; as high as need be, unless a test says so. */
  version = String(Number.MAX_SAFE_INTEGER);
  readonly watches: OpenWatch[] = [];
  /** Lists that are asked for as streams. */
  readonly streams: OpenWatch[] = [];
  /** The answer to a list; replaced by the test as the world changes. */
  onList: (query: URLSearchParams) => Answer | 'never' = () => aList([], '1');
  /** Answers a request by its path, before anything else is looked at. */
  onPath: (path: string) => Answer | undefined = () => undefined;
  /** The answer to the question for the plane's version. */
  onProbe: () => Answer | 'never' = () => aList([], this.version);
  /** Refuses a list as a stream, as older servers do; one that is not refused stays open. */
  onStream: (query: URLSearchParams) => Answer | undefined = () => aStatus(400, 'BadRequest');
  /** Refuses a watch; a watch that is not refused stays open. */
  onWatch: (query: URLSearchParams) => Answer | undefined = () => undefined;
  readonly #server: Server = createServer((request, response) => this.#take(request, response));

  async listen(): Promise<URL> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The newest watch, once it is at least the `count`-th. */
  watch(count: number): OpenWatch {
    const watch = this.watches[count - 1];
    if (!watch) throw new Error(`${this.watches.length} watches so far, not ${count}`);
    return watch;
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://server');
    const special = this.onPath(pathname);
    if (special) {
      answer(response, special);
      return;
    }
    if (!searchParams.has('watch') && searchParams.get('fieldSelector')?.startsWith('metadata.name=')) {
      this.probes += 1;
      const reply = this.onProbe();
      if (reply !== 'never') answer(response, reply);
      return;
    }
    if (!searchParams.has('watch')) {
      this.lists.push(searchParams);
      const reply = this.onList(searchParams);
      if (reply !== 'never') answer(response, reply);
      return;
    }
    const isList = searchParams.has('sendInitialEvents');
    const refusal = isList ? this.onStream(searchParams) : this.onWatch(searchParams);
    if (refusal) {
      answer(response, refusal);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    let closed = false;
    response.on('close', () => {
      closed = true;
    });
    (isList ? this.streams : this.watches).push({
      query: searchParams,
      get closed() {
        return closed;
      },
      send: (type, object) => response.write(`${JSON.stringify({ type, object })}\n`),
      write: (text) => response.write(text),
      end: () => response.end(),
      cut: () => response.socket?.destroy(),
    });
  }
}

function answer(response: ServerResponse, { status = 200, headers = {}, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' ? body : JSON.stringify(body));
}

/** One page of a list. */
export const aList = (items: readonly unknown[], resourceVersion: string, more = ''): Answer => ({
  body: { kind: 'List', items, metadata: { resourceVersion, ...(more ? { continue: more } : {}) } },
});

export const aStatus = (code: number, reason: string, headers: Record<string, string> = {}): Answer => ({
  status: code,
  headers,
  body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message: reason },
});

/** An object with a name and a version. */
export const anItem = (name: string, resourceVersion: string, uid = `uid-${name}`): { metadata: object } => ({
  metadata: { name, namespace: 'ns', uid, resourceVersion },
});

/** A reflector on a server, and all that it told. */
export interface Reflection {
  readonly reflector: Reflector<Observed>;
  readonly store: Store<Observed>;
  /** `added a`, `deleted b`, … as the store told them. */
  readonly told: string[];
  readonly restarts: string[];
  readonly failures: { error: unknown; failures: number }[];
  readonly corrections: number[];
  /** How often the server was said to have told something. */
  readonly confirmations: () => number;
  close(): Promise<void>;
}

const QUICK: Partial<ReflectorTiming> = { backoffBaseMs: 1, backoffMaxMs: 4 };

export function reflect(
  server: URL,
  timing: Partial<ReflectorTiming> = {},
  options: Partial<
    Pick<ReflectorOptions<Observed>, 'pageLimit' | 'fieldSelector' | 'maxBytes' | 'maxObjects' | 'plane'>
  > = {},
): Reflection {
  const transport = new Transport(
    { server, tls: {}, headers: async () => ({}) },
    { connections: 4, timeoutMs: 5_000, userAgent: 'test' },
  );
  const store = new Store<Observed>();
  const told: string[] = [];
  store.onChange((event) => told.push(`${event.type} ${event.object.name}`));
  const restarts: string[] = [];
  const failures: { error: unknown; failures: number }[] = [];
  const corrections: number[] = [];
  let confirmed = 0;
  const observer: Partial<ReflectorObserver> = {
    restarted: (reason) => restarts.push(reason),
    failed: (error, count) => failures.push({ error, failures: count }),
    corrected: (count) => corrections.push(count),
    succeeded: () => {
      confirmed += 1;
    },
  };
  const reflector = new Reflector<Observed>({
    client: new KubeClient(transport),
    resource: CLUSTER_AUTH_TOKENS,
    namespace: 'ns',
    parse: observedParser('cluster.cattle.io/v3', 'ClusterAuthToken'),
    store,
    observer,
    ...options,
    timing: { ...QUICK, ...timing },
  });
  reflector.start();
  return {
    ...{ reflector, store, told, restarts, failures, corrections },
    confirmations: () => confirmed,
    close: async () => {
      await reflector.stop();
      await transport.close();
    },
  };
}
