import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, createServer, request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
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
 * `cattle-system` and its own `kube-system` (whose UID is that of the namespace).
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

/** Starts it on a free port before an API server, to which it is an administrator. A namespace for each cluster has to be there. */
export async function startFleet(plane: Behind, options: FleetOptions = {}): Promise<Fleet> {
  const { address = '127.0.0.1' } = options;
  const authority = createAuthority('a fleet');
  const credentials = authority.issueClient('ace-operator', []);
  const server = createServer({ ...authority.issueServer('fleet', [address]) });
  const relay = new Relay(plane, options);
  server.on('request', (incoming, reply) => void relay.take(incoming, reply));
  server.on('secureConnection', ({ remotePort }) => options.onConnection?.(remotePort ?? 0));
  // Between two requests programs keep their connections for long.
  server.keepAliveTimeout = 600_000;
  server.listen(0, address);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    kubeconfig: (cluster) =>
      kubeconfig({
        ...{ server: `https://${address}:${port}/${cluster}`, ca: authority.cert, user: 'x', credentials },
      }),
    get connections() {
      return connectionsOf(server);
    },
    async close() {
      server.closeAllConnections();
      server.close();
      relay.close();
    },
  };
}

function connectionsOf(server: Server): number {
  return (server as unknown as { _connections: number })._connections;
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

  async take(incoming: IncomingMessage, reply: ServerResponse): Promise<void> {
    const { method = 'GET', url = '/', socket } = incoming;
    incoming.on('error', () => undefined);
    const [, cluster = '', path = ''] = /^\/([^/]+)(\/.*)$/.exec(url) ?? [];
    const [atMs, clientPort] = [Date.now(), socket.remotePort ?? 0];
    const body = CHANGES.has(method) ? inCluster(await textOf(incoming), cluster) : undefined;
    const { host: _host, 'content-length': _length, connection: _connection, ...headers } = incoming.headers;
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

async function passBack(
  answer: IncomingMessage,
  reply: ServerResponse,
  cluster: string,
  isWatch: boolean,
): Promise<void> {
  const { 'content-length': _, connection: _connection, ...headers } = answer.headers;
  reply.writeHead(answer.statusCode ?? 502, headers);
  const outside = (text: string): string =>
    text.replaceAll(`"namespace":"${cluster}"`, `"namespace":"${OURS}"`);
  answer.on('error', () => reply.destroy());
  try {
    if (!isWatch) {
      reply.end(outside(await textOf(answer)));
      return;
    }
    reply.flushHeaders();
    for await (const line of createInterface({ input: answer })) reply.write(`${outside(line)}\n`);
    reply.end();
  } catch {
    reply.destroy();
  }
}

async function textOf(stream: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString();
}
