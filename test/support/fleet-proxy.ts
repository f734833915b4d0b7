import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage, OutgoingMessage } from 'node:http';
import { constants, createSecureServer, type Http2ServerRequest, type Http2ServerResponse } from 'node:http2';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import type { Writable } from 'node:stream';
import { parse } from 'yaml';
import type { ControlPlane } from './control-plane.ts';
import { kubeconfig } from './kubeconfig.ts';
import { createAuthority } from './pki.ts';

/** One request that changes something in a cluster of the fleet. */
export interface FleetWrite {
  readonly atMs: number;
  readonly cluster: string;
  readonly method: string;
  readonly path: string;
  /** The port that the program has of its own for this connection. */
  readonly clientPort: number;
  readonly status: number;
}

/**
 * Many clusters on one real API server: each is a namespace of it, and looks like a cluster of its own from outside, with its own
 * `cattle-system` and its own `kube-system` (whose UID is that of the namespace). As an API server it speaks HTTP/2 and HTTP/1.1.
 */
export interface Fleet {
  /** Text of a kubeconfig that leads to that cluster. */
  kubeconfig(cluster: string): string;
  /** Connections that are open at present. */
  readonly connections: number;
  close(): Promise<void>;
}

export interface FleetOptions {
  /** Where it listens; loopback without it. */
  readonly address?: string;
  readonly onConnection?: (clientPort: number, ownPort: number) => void;
  readonly onWrite?: (write: FleetWrite) => void;
}

/** The API server behind it. */
type Behind = Pick<ControlPlane, 'url' | 'kubeconfigYaml'>;

const CHANGES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const OURS = 'cattle-system';

/** Starts it on a free port before an API server, to which it is an administrator. A namespace for each cluster has to be there. */
export async function startFleet(plane: Behind, options: FleetOptions = {}): Promise<Fleet> {
  const { address = '127.0.0.1' } = options;
  const authority = createAuthority('a fleet');
  const credentials = authority.issueClient('ace-operator', []);
  const open = new Set<Socket>();
  const relay = new Relay(plane, options);
  const server = createSecureServer(
    { ...authority.issueServer('fleet', [address]), allowHTTP1: true },
    (incoming, reply) => void relay.take(incoming, reply),
  );
  server.on('connection', (socket: Socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
  });
  server.on('secureConnection', ({ remotePort = 0, localPort = 0 }) =>
    options.onConnection?.(remotePort, localPort),
  );
  // A client that goes away in the middle ends its own session and nothing else.
  server.on('sessionError', () => undefined);
  // Between two requests programs keep their connections for long.
  Object.assign(server, { keepAliveTimeout: 600_000 });
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: (cluster) =>
      kubeconfig({
        ...{ server: `https://${address}:${port}/${cluster}`, ca: authority.cert, user: 'x', credentials },
      }),
    get connections() {
      return open.size;
    },
    async close() {
      for (const socket of open) socket.destroy();
      server.close();
      relay.close();
    },
  };
}

class Relay {
  readonly #url: string;
  readonly #agent: Agent;
  readonly #onWrite: (write: FleetWrite) => void;

  constructor(plane: Behind, { onWrite = () => {} }: FleetOptions) {
    const { clusters, users } = parse(plane.kubeconfigYaml());
    const pem = (base64: string): Buffer => Buffer.from(base64, 'base64');
    this.#url = plane.url;
    this.#onWrite = onWrite;
    this.#agent = new Agent({
      keepAlive: true,
      ca: pem(clusters[0].cluster['certificate-authority-data']),
      cert: pem(users[0].user['client-certificate-data']),
      key: pem(users[0].user['client-key-data']),
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  async take(incoming: Http2ServerRequest, reply: Http2ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', socket } = incoming;
    incoming.on('error', () => undefined);
    reply.on('error', () => undefined);
    const [, cluster = '', path = ''] = /^\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const [atMs, clientPort] = [Date.now(), socket.remotePort ?? 0];
    const body = CHANGES.has(method) ? inCluster(await textOf(incoming), cluster) : undefined;
    const headers = endToEnd(incoming.headers);
    const length = body === undefined ? {} : { 'content-length': Buffer.byteLength(body) };
    const outgoing = request(
      this.#url + pathIn(path, cluster),
      { method, headers: { ...headers, ...length, 'accept-encoding': 'identity' }, agent: this.#agent },
      (answer) => {
        const status = answer.statusCode ?? 0;
        if (body !== undefined) this.#onWrite({ atMs, cluster, method, path, clientPort, status });
        void passBack(answer, reply, cluster, /[?&]watch=(1|true)/.test(path));
      },
    );
    outgoing.on('error', () => end(reply));
    reply.on('close', () => outgoing.destroy());
    outgoing.end(body);
  }
}

/** Belong to one connection, to one version of HTTP, or to a text that is changed on its way. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'http2-settings', 'host', 'content-length'],
]);

function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !name.startsWith(':') && !HOP_HEADERS.has(name)),
  );
}

/** In the middle: of HTTP/2 the one stream, of HTTP/1.1 the connection. */
function end(reply: Http2ServerResponse): void {
  if (reply.stream) reply.stream.close(constants.NGHTTP2_INTERNAL_ERROR);
  else (reply as unknown as Writable).destroy();
}

/** What is a namespace of the cluster is the one namespace that the cluster is. */
function pathIn(path: string, cluster: string): string {
  return path.replace(/\/namespaces\/(cattle-system|kube-system)(?=[/?]|$)/, `/namespaces/${cluster}`);
}

function inCluster(text: string, cluster: string): string {
  return text.replaceAll(`"namespace":"${OURS}"`, `"namespace":"${cluster}"`);
}

async function passBack(
  answer: IncomingMessage,
  reply: Http2ServerResponse,
  cluster: string,
  isWatch: boolean,
): Promise<void> {
  reply.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
  const outside = (text: string): string =>
    text.replaceAll(`"namespace":"${cluster}"`, `"namespace":"${OURS}"`);
  answer.on('error', () => end(reply));
  try {
    if (!isWatch) {
      reply.end(outside(await textOf(answer)));
      return;
    }
    // In both versions of HTTP, though the types know it of one.
    (reply as unknown as OutgoingMessage).flushHeaders();
    for await (const line of createInterface({ input: answer })) reply.write(`${outside(line)}\n`);
    reply.end();
  } catch {
    end(reply);
  }
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
