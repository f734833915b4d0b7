import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { splitAddress } from './address.ts';
import { guardConnections } from './connection-guard.ts';

export interface MonitorAnswer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
}

export interface MonitorRequest {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
}

export type MonitorHandler = (request: MonitorRequest) => MonitorAnswer | Promise<MonitorAnswer>;

/** More than Prometheus, kubelet and some people ever have open at once. */
const CONNECTIONS = 64;
const LIFETIME_MS = 10_000;
const MAX_HEADER_BYTES = 8_192;

/**
 * Listens for probes and scrapes, in the clear and for anybody who gets here: so nobody may cost much. One request a
 * connection, no body, ten seconds, whatever the peer does.
 */
export class MonitorServer {
  readonly #servers: Server[] = [];
  readonly #handler: MonitorHandler;
  readonly #onFault: (error: unknown) => void;

  /** @param onFault - a fault of our own in answering */
  constructor(handler: MonitorHandler, onFault: (error: unknown) => void = () => {}) {
    this.#handler = handler;
    this.#onFault = onFault;
  }

  /**
   * Listens on one more address.
   *
   * @param address - `host:port`, `[::1]:port`; port 0 takes a free one
   * @param options - `reusePort`: a process that takes over from this one may listen there, too
   * @returns the address that is listened on
   * @throws when the address is taken
   */
  async listen(address: string, options: { readonly reusePort?: boolean } = {}): Promise<string> {
    const { host, port } = splitAddress(address);
    const server = this.#create();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, reusePort: (options.reusePort ?? false) && port !== 0 }, resolve);
    });
    server.removeAllListeners('error');
    // From here on it is a connection that could not be accepted: nobody's fault but that connection's.
    server.on('error', this.#onFault);
    this.#servers.push(server);
    const bound = server.address() as AddressInfo;
    return `${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
  }

  async close(): Promise<void> {
    for (const server of this.#servers) server.closeAllConnections();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #create(): Server {
    const limits = { requestTimeout: LIFETIME_MS, maxHeaderSize: MAX_HEADER_BYTES };
    const server = createServer(limits, (request, response) => {
      void respond(request, response, this.#handler).catch((error: unknown) => {
        this.#onFault(error);
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    });
    server.maxRequestsPerSocket = 1;
    guardConnections(server, { connections: CONNECTIONS, lifetimeMs: LIFETIME_MS });
    return server;
  }
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  handler: MonitorHandler,
): Promise<void> {
  request.resume();
  const {
    status,
    type,
    body = '',
  } = await handler({
    method: request.method ?? '',
    ...requestTarget(request.url ?? '/'),
  });
  response.writeHead(status, {
    'content-length': Buffer.byteLength(body),
    ...(type === undefined ? {} : { 'content-type': type }),
  });
  response.end(body);
}

/** Path and query of a request line. Never throws: `new URL` does, for `//`, and peers choose what they send. */
export function requestTarget(url: string): { path: string; query: URLSearchParams } {
  const mark = url.indexOf('?');
  return mark < 0
    ? { path: url, query: new URLSearchParams() }
    : { path: url.slice(0, mark), query: new URLSearchParams(url.slice(mark + 1)) };
}
