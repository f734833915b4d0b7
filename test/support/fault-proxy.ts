import { once } from 'node:events';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { createSecureServer, type Http2SecureServer, type Http2ServerRequest } from 'node:http2';
import { Agent, request } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { ControlPlane } from './control-plane.ts';
import { beginning, isAfterEndless, relayEndless } from './fault-lists.ts';
import { type Reply, relayBody, relayTorn, relayWatch, type WatchFaults } from './fault-relay.ts';
import { createAuthority, type KeyPair } from './pki.ts';
import { startTcpProxy, type TcpProxy } from './tcp-proxy.ts';

/** What is wrong with the answers. Shares are of all requests, 0 to 1. */
export interface HttpFaults {
  /** Answered by the proxy instead of the API server, with one of these. */
  readonly refuse?: {
    readonly share: number;
    readonly statuses: readonly number[];
    readonly retryAfter?: boolean;
  };
  /** Answers to anything but watches that end in the middle. */
  readonly tear?: { readonly share: number };
  readonly watches?: WatchFaults;
  /** Lists begin anew at their end, for as long as somebody reads on; lists as streams never say that they are whole. */
  readonly endlessLists?: boolean;
}

/** Where the kubeconfig of a program says that its credential and its authority are. */
export interface AccessFiles {
  readonly token: string;
  readonly authority: string;
}

/** One request that changes something, as it arrived. */
export interface SeenWrite {
  readonly atMs: number;
  readonly method: string;
  readonly path: string;
  readonly body: string;
  /** The port that the program has of its own for this connection. */
  readonly clientPort: number;
  /** undefined: no answer came. */
  readonly status: number | undefined;
}

/**
 * A proxy that speaks TLS and HTTP with a program on one side and with an API server on the other, so that it can change what is said;
 * in front of it is a wire that can fail in the ways a network does.
 */
export interface FaultProxy {
  readonly wire: TcpProxy;
  readonly url: string;
  /** The only bearer that is taken at present. */
  readonly bearer: string;
  /** Certificate of the authority that the one shown at present was issued by. */
  readonly authority: string;
  /** Text of a kubeconfig that leads here, with what is right at present; with `files` they are named instead. */
  kubeconfig(files?: AccessFiles): string;
  setFaults(faults: HttpFaults): void;
  /** From now on only this bearer is taken; connections stay. */
  setBearer(bearer: string): void;
  /** Shows a certificate of an authority that nobody trusts, and resets what is open; false: its own again. */
  setStranger(on: boolean): void;
  /** Shows another certificate of the same authority, and resets what is open. */
  renewCertificate(): void;
  /** Shows a certificate of a new authority, and resets what is open; {@link kubeconfig} knows it. */
  changeAuthority(): void;
  close(): Promise<void>;
}

export interface FaultProxyOptions {
  /** Numbers from 0 to 1, of a seed. */
  readonly random: () => number;
  /** Told of each new connection by the program's own port and that of the proxy, when it may still be found out whose it is. */
  readonly onConnection?: (clientPort: number, ownPort: number) => void;
  /** Told when the answer is known. */
  readonly onWrite?: (write: SeenWrite) => void;
}

const CHANGES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH', 'DELETE']);
/** Belong to one connection, or to one version of HTTP. */
const HOP_HEADERS: ReadonlySet<string> = new Set([
  ...['connection', 'keep-alive', 'transfer-encoding', 'upgrade', 'http2-settings', 'host'],
  // What is compressed cannot be changed; whose it is says the proxy.
  ...['accept-encoding', 'authorization'],
]);

/** Starts one on free loopback ports before an API server, to which it is an administrator. */
export async function startFaultProxy(plane: ControlPlane, options: FaultProxyOptions): Promise<FaultProxy> {
  const server = new Middle(plane, options);
  await server.listen();
  return server;
}

class Middle implements FaultProxy {
  readonly #plane: ControlPlane;
  readonly #options: FaultProxyOptions;
  #authority = createAuthority('a proxy with faults');
  #own: KeyPair = this.#authority.issueServer('proxy', ['127.0.0.1']);
  #isStranger = false;
  readonly #stranger = createAuthority('nobody').issueServer('proxy', ['127.0.0.1']);
  readonly #agent: Agent;
  #server: Http2SecureServer | undefined;
  #wire: TcpProxy | undefined;
  #faults: HttpFaults = {};
  #bearer = 'not-a-real-bearer-of-the-first-day';

  constructor(plane: ControlPlane, options: FaultProxyOptions) {
    this.#plane = plane;
    this.#options = options;
    const config = JSON.parse(plane.kubeconfigYaml());
    const pem = (base64: string): Buffer => Buffer.from(base64, 'base64');
    this.#agent = new Agent({
      keepAlive: true,
      ca: pem(config.clusters[0].cluster['certificate-authority-data']),
      cert: pem(config.users[0].user['client-certificate-data']),
      key: pem(config.users[0].user['client-key-data']),
    });
  }

  get wire(): TcpProxy {
    if (!this.#wire) throw new Error('the proxy does not listen yet');
    return this.#wire;
  }

  get url(): string {
    return this.wire.url(this.#plane.url);
  }

  async listen(): Promise<void> {
    const server = createSecureServer({ ...this.#own, allowHTTP1: true }, (incoming, reply) => {
      void this.#take(incoming, reply as unknown as Reply);
    });
    // A client that goes away in the middle is what this is for.
    server.on('sessionError', () => undefined).on('tlsClientError', () => undefined);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.#wire = await startTcpProxy(
      `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
      this.#options.onConnection,
    );
  }

  get bearer(): string {
    return this.#bearer;
  }

  get authority(): string {
    return this.#authority.cert;
  }

  kubeconfig(files?: AccessFiles): string {
    const trust = files
      ? { 'certificate-authority': files.authority }
      : { 'certificate-authority-data': Buffer.from(this.authority).toString('base64') };
    return JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'plane', cluster: { server: this.url, ...trust } }],
      users: [{ name: 'user', user: files ? { tokenFile: files.token } : { token: this.#bearer } }],
      contexts: [{ name: 'plane', context: { cluster: 'plane', user: 'user' } }],
      'current-context': 'plane',
    });
  }

  setFaults(faults: HttpFaults): void {
    this.#faults = faults;
  }

  setBearer(bearer: string): void {
    this.#bearer = bearer;
  }

  setStranger(on: boolean): void {
    this.#isStranger = on;
    this.#show();
  }

  renewCertificate(): void {
    this.#own = this.#authority.issueServer('proxy', ['127.0.0.1']);
    this.#show();
  }

  changeAuthority(): void {
    this.#authority = createAuthority('another proxy with faults');
    this.renewCertificate();
  }

  #show(): void {
    this.#server?.setSecureContext(this.#isStranger ? this.#stranger : this.#own);
    this.wire.cut();
  }

  async close(): Promise<void> {
    await this.#wire?.close();
    this.#server?.close();
    this.#agent.destroy();
  }

  async #take(incoming: Http2ServerRequest, reply: Reply): Promise<void> {
    const atMs = Date.now();
    const { method } = incoming;
    incoming.on('error', () => undefined);
    reply.on('error', () => undefined);
    const clientPort = this.wire.clientPort(incoming.socket.remotePort ?? 0) ?? 0;
    const body = CHANGES.has(method) ? await readAll(incoming) : undefined;
    if (body === undefined && CHANGES.has(method)) return;
    const seen = (status: number | undefined): void => {
      if (body === undefined) return;
      const write = { atMs, method, path: incoming.url, body: body.toString(), clientPort, status };
      this.#options.onWrite?.(write);
    };
    if (incoming.headers.authorization !== `Bearer ${this.#bearer}`) {
      answerStatus(reply, 401);
      return;
    }
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      seen(refusal);
      const retryAfter = this.#faults.refuse?.retryAfter === true ? { 'retry-after': '1' } : {};
      answerStatus(reply, refusal, retryAfter);
      return;
    }
    // As of an API server that has forgotten the version.
    if (isAfterEndless(incoming.url) && this.#faults.endlessLists !== true) answerStatus(reply, 410);
    else this.#passOn(incoming, body, reply, seen);
  }

  #refusal(): number | undefined {
    const { refuse } = this.#faults;
    if (!refuse || this.#options.random() >= refuse.share) return undefined;
    return refuse.statuses[Math.floor(this.#options.random() * refuse.statuses.length)];
  }

  #passOn(
    incoming: Http2ServerRequest,
    body: Buffer | undefined,
    reply: Reply,
    seen: (status: number | undefined) => void,
  ): void {
    const headers = passedOn(incoming.headers);
    const { method } = incoming;
    const path = beginning(incoming.url);
    const outgoing = request(this.#plane.url + path, { method, headers, agent: this.#agent }, (answer) => {
      seen(answer.statusCode);
      this.#relay(method, path, answer, reply);
    });
    outgoing.on('error', () => {
      seen(undefined);
      reply.destroy();
    });
    reply.on('close', () => outgoing.destroy());
    outgoing.end(body);
  }

  #relay(method: string, path: string, answer: IncomingMessage, reply: Reply): void {
    const { random } = this.#options;
    if (this.#faults.endlessLists && method === 'GET' && answer.statusCode === 200) {
      if (relayEndless(path, answer, reply, () => this.#faults.endlessLists === true)) return;
    }
    reply.writeHead(answer.statusCode ?? 502, passedOn(answer.headers));
    const isWatch = /[?&]watch=(1|true)/.test(path);
    const { watches, tear } = this.#faults;
    if (isWatch) {
      reply.flushHeaders?.();
      // Asked for at each event, so that open watches suffer, too.
      relayWatch(answer, reply, () => this.#faults.watches ?? watches, random);
    } else if (tear && random() < tear.share) relayTorn(answer, reply, random);
    else relayBody(answer, reply);
  }
}

function passedOn(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept = Object.entries(headers).filter(([name]) => !name.startsWith(':') && !HOP_HEADERS.has(name));
  return Object.fromEntries(kept) as Record<string, string | string[]>;
}

/** @returns undefined when the client went away */
async function readAll(incoming: Http2ServerRequest): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  } catch {
    return undefined;
  }
}

const REASONS: Readonly<Record<number, string>> = {
  401: 'Unauthorized',
  409: 'Conflict',
  410: 'Expired',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
};

/** As an API server says it. */
function answerStatus(reply: Reply, code: number, headers: Record<string, string> = {}): void {
  reply.writeHead(code, { 'content-type': 'application/json', ...headers });
  const reason = REASONS[code] ?? 'Unknown';
  reply.end(
    JSON.stringify({
      ...{ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' },
      ...{ message: `the proxy answers ${code}`, reason, code },
    }),
  );
}
