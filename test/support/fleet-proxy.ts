import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createSecureServer, type Http2ServerRequest } from 'node:http2';
import { Agent, request } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { parse } from 'yaml';
import type { ControlPlane } from './control-plane.ts';
import type { Reply } from './fault-relay.ts';
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
 * `cattle-system` and its own `kube-system` (whose UID is that of the namespace). It speaks HTTP/1.1 and HTTP/2, as an API server does.
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
  readonly onConnection?: (clientPort: number) => void;
  readonly onWrite?: (write: FleetWrite) => void;
}

/** The API server behind it. */
type Behind = Pick<ControlPlane, 'url' | 'kubeconfigYaml'>;

const CHANGES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
const OURS = 'cattle-system';
/** Belong to one connection, or to one version of HTTP; what is compressed cannot be changed. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'http2-settings', 'host'],
  ...['content-length', 'accept-encoding'],
]);

/** Starts it on a free port before an API server, to which it is an administrator. A namespace for each cluster has to be there. */
export async function startFleet(plane: Behind, options: FleetOptions = {}): Promise<Fleet> {
  const { address = '127.0.0.1' } = options;
  const authority = createAuthority('a fleet');
  const credentials = authority.issueClient('ace-operator', []);
  const server = createSecureServer({
    ...authority.issueServer('fleet', [address]),
    allowHTTP1: true,
    // Between two requests programs keep their connections for long.
    http1Options: { keepAliveTimeout: 600_000 },
  });
  const relay = new Relay(plane, options);
  const sockets = new Set<Socket>();
  server.on('request', (incoming, reply) => void relay.take(incoming, reply as unknown as Reply));
  server.on('secureConnection', (socket) => {
    sockets.add(socket.on('close', () => sockets.delete(socket)));
    options.onConnection?.(socket.remotePort ?? 0);
  });
  // A client that goes away in the middle is none of our faults.
  server.on('sessionError', () => undefined).on('tlsClientError', () => undefined);
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: (cluster) =>
      kubeconfig({
        ...{ server: `https://${address}:${port}/${cluster}`, ca: authority.cert, user: 'x', credentials },
      }),
    get connections() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
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

  async take(incoming: Http2ServerRequest, reply: Reply): Promise<void> {
    const { method, url, socket } = incoming;
    incoming.on('error', () => undefined);
    reply.on('error', () => undefined);
    const [, cluster = '', path = ''] = /^\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const [atMs, clientPort] = [Date.now(), socket.remotePort ?? 0];
    const body = CHANGES.has(method) ? inCluster(await textOf(incoming), cluster) : undefined;
    const headers = passedOn(incoming.headers);
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
    outgoing.on('error', () => reply.destroy());
    reply.on('close', () => outgoing.destroy());
    outgoing.end(body);
  }
}

/** What is a namespace of the cluster is the one namespace that the cluster is. */
function pathIn(path: string, cluster: string): string {
  return path.replace(/\/namespaces\/(cattle-system|kube-system)(?=[/?]|$)/, `/namespaces/${cluster}`);
}

function inCluster(text: string, cluster: string): string {
  return text.replaceAll(`"namespace":"${OURS}"`, `"namespace":"${cluster}"`);
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !HOP_HEADERS.has(name));
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

async function passBack(
  answer: IncomingMessage,
  reply: Reply,
  cluster: string,
  isWatch: boolean,
): Promise<void> {
  reply.writeHead(answer.statusCode ?? 502, passedOn(answer.headers));
  const outside = (text: string): string =>
    text.replaceAll(`"namespace":"${cluster}"`, `"namespace":"${OURS}"`);
  answer.on('error', () => reply.destroy());
  try {
    if (!isWatch) {
      reply.end(outside(await textOf(answer)));
      return;
    }
    reply.flushHeaders?.();
    for await (const line of createInterface({ input: answer })) reply.write(`${outside(line)}\n`);
    reply.end();
  } catch {
    reply.destroy();
  }
}

async function textOf(stream: AsyncIterable<unknown>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
