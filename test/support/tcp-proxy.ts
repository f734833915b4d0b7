import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Pace, Pacer } from './pacer.ts';

/** A TCP proxy that can fail in the ways a network does. */
export interface TcpProxy {
  readonly port: number;
  readonly openConnections: number;
  /** Connections that were ever accepted. */
  readonly acceptedConnections: number;
  /** The same URL with our host and port in place of the original ones. */
  url(original: string): string;
  /** Resets every open connection; new ones work. */
  cut(): void;
  /** Forwards nothing any more, in either direction, and tells nobody. New connections are accepted and stay silent. */
  blackhole(): void;
  /** A black hole for the connections that are open now, for good: half-open as after a lost host. New ones work. */
  strand(): void;
  /** Like a host whose program is gone: open connections are reset, new ones refused. Half-open ones stay as they are. */
  refuse(): Promise<void>;
  /** From now on everything takes that long, on open connections as well; undefined: as fast as it can. */
  slow(pace: Pace | undefined): void;
  /** The client's own port of a connection that the target sees coming from `port`. */
  clientPort(port: number): number | undefined;
  /** Back to forwarding. What waited in a black hole is delivered, as after a healed network partition. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

/**
 * Starts a proxy on a free loopback port in front of `target`, an http(s) URL.
 *
 * @param onAccept - told of each new connection by the ports of its two ends, the client's first
 */
export async function startTcpProxy(
  target: string,
  onAccept: (clientPort: number, ownPort: number) => void = () => {},
): Promise<TcpProxy> {
  const { hostname, port } = new URL(target);
  const proxy = new LoopbackProxy(hostname, Number(port), onAccept);
  await proxy.listen(0);
  return proxy;
}

interface Link {
  readonly client: Socket;
  upstream: Socket | undefined;
  /** From the client, and to it. */
  readonly pacers: readonly [Pacer, Pacer];
}

class LoopbackProxy implements TcpProxy {
  readonly #host: string;
  readonly #targetPort: number;
  readonly #onAccept: (clientPort: number, ownPort: number) => void;
  readonly #links = new Set<Link>();
  readonly #stranded = new Set<Link>();
  #server: Server | undefined;
  #silent = false;
  #pace: Pace | undefined;
  #accepted = 0;
  port = 0;

  constructor(host: string, targetPort: number, onAccept: (clientPort: number, ownPort: number) => void) {
    this.#host = host;
    this.#targetPort = targetPort;
    this.#onAccept = onAccept;
  }

  async listen(port: number): Promise<void> {
    // Half-open connections are allowed, so that a FIN travels through us as it does without us.
    const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (client) =>
      this.#accept(client),
    );
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
  }

  get openConnections(): number {
    return this.#links.size;
  }

  get acceptedConnections(): number {
    return this.#accepted;
  }

  url(original: string): string {
    const url = new URL(original);
    url.hostname = '127.0.0.1';
    url.port = String(this.port);
    return url.href.replace(/\/$/, original.endsWith('/') ? '/' : '');
  }

  cut(): void {
    for (const link of [...this.#links]) this.#reset(link);
  }

  blackhole(): void {
    this.#silent = true;
    for (const link of this.#links) silence(link);
  }

  strand(): void {
    for (const link of this.#links) {
      silence(link);
      this.#stranded.add(link);
      this.#links.delete(link);
    }
  }

  async refuse(): Promise<void> {
    await this.#stopListening();
  }

  slow(pace: Pace | undefined): void {
    this.#pace = pace;
  }

  clientPort(port: number): number | undefined {
    for (const { client, upstream } of this.#links)
      if (upstream?.localPort === port) return client.remotePort;
    return undefined;
  }

  async heal(): Promise<void> {
    if (this.#server === undefined) await this.listen(this.port);
    if (!this.#silent) return;
    this.#silent = false;
    for (const link of this.#links) this.#forward(link);
  }

  async close(): Promise<void> {
    for (const link of [...this.#stranded]) this.#reset(link);
    await this.#stopListening();
  }

  #accept(client: Socket): void {
    this.#accepted += 1;
    if (client.remotePort !== undefined) this.#onAccept(client.remotePort, this.port);
    const pacer = (): Pacer => new Pacer(() => this.#pace);
    const link: Link = { client, upstream: undefined, pacers: [pacer(), pacer()] };
    this.#links.add(link);
    this.#watch(link, client);
    if (!this.#silent) this.#forward(link);
  }

  #forward(link: Link): void {
    const [up, down] = link.pacers;
    if (link.upstream === undefined) {
      link.upstream = connect({ host: this.#host, port: this.#targetPort, allowHalfOpen: true });
      this.#watch(link, link.upstream);
      up.pipe(link.upstream);
      down.pipe(link.client);
    }
    link.client.pipe(up);
    link.upstream.pipe(down);
  }

  #watch(link: Link, socket: Socket): void {
    socket.setNoDelay(true);
    socket.on('error', () => this.#reset(link));
    socket.on('close', () => {
      if (link.client.destroyed && (link.upstream?.destroyed ?? true)) {
        this.#links.delete(link);
        this.#stranded.delete(link);
      }
    });
  }

  #reset(link: Link): void {
    this.#links.delete(link);
    this.#stranded.delete(link);
    link.client.resetAndDestroy();
    link.upstream?.resetAndDestroy();
  }

  async #stopListening(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    server.close();
    this.cut();
    // Its `close` comes when the last connection is gone, and those that are half-open never are.
    while (server.listening) await nextTurn();
    await nextTurn();
  }
}

function silence({ client, upstream }: Link): void {
  client.unpipe();
  client.pause();
  upstream?.unpipe();
  upstream?.pause();
}
