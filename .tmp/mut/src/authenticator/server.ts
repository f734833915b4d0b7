import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { type AddressInfo, Server as NetServer, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { endWithoutTraces } from '../telemetry/connection-end.ts';
import { requestTarget } from '../telemetry/one-request.ts';

/** What a route answers. */
export interface Answer {
  readonly status: number;
  readonly type?: string;
  readonly body?: string | Uint8Array;
  readonly retryAfterSeconds?: number;
}

export type Handler = (request: {
  method: string;
  path: string;
  query: URLSearchParams;
  body: string;
  /** Whether the client has gone, so that nobody reads the answer. */
  hasGone: () => boolean;
}) => Promise<Answer>;

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  /** When given, a client certificate of this authority is demanded. */
  readonly clientCaFile?: string | undefined;
}

export interface ServerOptions {
  readonly handler: Handler;
  readonly tls?: TlsFiles | undefined;
  /** The certificate was read again, or could not be. */
  readonly onReload: (error: unknown | undefined) => void;
  /** A fault of our own in answering. */
  readonly onFault: (error: unknown) => void;
}

/** A TokenReview holds one token; nothing that is larger is one. */
const MAX_BODY_BYTES = 64 * 1024;
/** Slow checks are put off before that. */
const DRAIN_LIMIT_MS = 1_300;
/** A connection in use has had its next request, and so been told to end, in less. */
const DRAIN_GRACE_MS = 1_000;
const CERTIFICATE_POLL_MS = 5_000;
const LIMITS = {
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 120_000,
  // Without it the limits above are looked at every half minute.
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16 * 1024,
};
const HANDSHAKE_TIMEOUT_MS = 10_000;
/** No API server sends a second request before the answer to the first; who sends many wants to hold us up. */
const MAX_PIPELINED = 16;

/** HTTP or HTTPS with limits on everything a peer could stretch, and a shutdown that answers what was asked. */
export class WebhookServer {
  readonly #options: ServerOptions;
  readonly #servers: Server[] = [];
  /** Requests under way, by connection. */
  readonly #pipelined = new WeakMap<Socket, number>();
  #draining = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /**
   * Listens on one more address. The port is shared with another authenticator, so that a new one can take over from
   * an old one without a gap.
   *
   * @returns the address with the port that was taken
   * @throws when the address cannot be taken, or a TLS file not be read
   */
  async listen(host: string, port: number): Promise<string> {
    const server = this.#create();
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, reusePort: port !== 0 }, resolve);
    });
    // A connection that could not be taken (no file left, for instance) is that client's loss and nobody else's.
    server.removeAllListeners('error').on('error', (error) => this.#options.onFault(error));
    this.#servers.push(server);
    const bound = server.address() as AddressInfo;
    return `${host.includes(':') ? `[${host}]` : host}:${bound.port}`;
  }

  /** Takes no more connections, answers what is under way or still coming on the open ones, and ends. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#options.tls) for (const file of filesOf(this.#options.tls)) unwatchFile(file);
    // Connections that wait to be accepted when their socket is closed are reset: first accept those of this turn.
    await nextTurn();
    await Promise.all(this.#servers.map(closed));
  }

  #create(): Server {
    const listener: RequestListener = (request, response) => void this.#serve(request, response);
    const { tls } = this.#options;
    if (!tls) return createServer(LIMITS, listener).on('connection', endWithoutTraces);
    const server = createTlsServer(
      { ...LIMITS, handshakeTimeout: HANDSHAKE_TIMEOUT_MS, ...readTls(tls) },
      listener,
    );
    server.on('secureConnection', endWithoutTraces);
    this.#followCertificates(server, tls);
    return server;
  }

  #followCertificates(server: TlsServer, tls: TlsFiles): void {
    const reload = (): void => {
      try {
        server.setSecureContext(readTls(tls));
        this.#options.onReload(undefined);
      } catch (error) {
        // Half-written files are read again at the next change; the old certificate stays.
        this.#options.onReload(error);
      }
    };
    for (const file of filesOf(tls))
      watchFile(file, { interval: CERTIFICATE_POLL_MS, persistent: false }, reload);
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { socket } = request;
    const pipelined = (this.#pipelined.get(socket) ?? 0) + 1;
    if (pipelined > MAX_PIPELINED) return void socket.destroy();
    this.#pipelined.set(socket, pipelined);
    response.once('close', () => this.#pipelined.set(socket, (this.#pipelined.get(socket) ?? 1) - 1));
    const body = await readBody(request);
    const answer = body === undefined ? { status: 413 } : await this.#answer(request, body, response);
    if (this.#draining || body === undefined) response.setHeader('connection', 'close');
    if (answer.retryAfterSeconds !== undefined)
      response.setHeader('retry-after', String(answer.retryAfterSeconds));
    const text = answer.body ?? '';
    response.writeHead(answer.status, {
      'content-type': answer.type ?? 'application/json',
      'content-length': Buffer.byteLength(text),
    });
    response.end(text);
  }

  async #answer(request: IncomingMessage, body: string, response: ServerResponse): Promise<Answer> {
    try {
      const { path, query } = requestTarget(request.url ?? '/');
      const hasGone = (): boolean => response.destroyed;
      return await this.#options.handler({ method: request.method ?? '', path, query, body, hasGone });
    } catch (error) {
      this.#options.onFault(error);
      return { status: 500 };
    }
  }
}

function readTls(tls: TlsFiles): {
  cert: Buffer;
  key: Buffer;
  ca?: Buffer;
  requestCert?: boolean;
  rejectUnauthorized?: boolean;
} {
  return {
    cert: readFileSync(tls.certFile),
    key: readFileSync(tls.keyFile),
    ...(tls.clientCaFile
      ? { ca: readFileSync(tls.clientCaFile), requestCert: true, rejectUnauthorized: true }
      : {}),
  };
}

function filesOf(tls: TlsFiles): readonly string[] {
  return [tls.certFile, tls.keyFile, ...(tls.clientCaFile ? [tls.clientCaFile] : [])];
}

/** The whole body; undefined when it is over the limit or broke off. By events: an iterator costs much more. */
function readBody(request: IncomingMessage): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let size = 0;
    request.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size <= MAX_BODY_BYTES) {
        chunks.push(chunk);
        return;
      }
      request.pause();
      resolve(undefined);
    });
    request.once('end', () => resolve(Buffer.concat(chunks).toString('utf8')));
    request.once('error', () => resolve(undefined));
    // After the end this comes, too, and changes nothing any more.
    request.once('close', () => resolve(undefined));
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    const grace = setTimeout(() => server.closeIdleConnections(), DRAIN_GRACE_MS);
    const limit = setTimeout(() => server.closeAllConnections(), DRAIN_LIMIT_MS);
    // Not the HTTP server's own close: that one resets idle connections at once, with a request on its way on some.
    NetServer.prototype.close.call(server, () => {
      clearTimeout(grace);
      clearTimeout(limit);
      resolve();
    });
  });
}
