import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { splitAddress } from './address.ts';
import { type MonitorAnswer, type MonitorRequest, readRequest, writeAnswer } from './one-request.ts';

export type MonitorHandler = (request: MonitorRequest) => MonitorAnswer | Promise<MonitorAnswer>;

/** More than Prometheus, kubelet and some people ever have open at once. */
const CONNECTIONS = 64;
const LIFETIME_MS = 10_000;

/**
 * Listens for probes and scrapes, in the clear and for anybody who gets here: so nobody may cost much. One request a
 * connection, no body, ten seconds, whatever the peer does.
 */
export class MonitorServer {
  readonly #servers: Server[] = [];
  readonly #open = new Set<Socket>();
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
   * @param address - `host:port`, `[::1]:port`, `:port` for all; port 0 takes a free one
   * @param options - `reusePort`: a process that takes over from this one may listen there, too
   * @returns the address that is listened on
   * @throws when the address is taken
   */
  async listen(address: string, options: { readonly reusePort?: boolean } = {}): Promise<string> {
    const { host, port } = splitAddress(address);
    const server = createServer((socket) => this.#take(socket));
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
    for (const socket of this.#open) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #take(socket: Socket): void {
    this.#open.add(socket);
    const timer = setTimeout(() => socket.destroy(), LIFETIME_MS);
    timer.unref();
    socket.once('close', () => {
      clearTimeout(timer);
      this.#open.delete(socket);
    });
    // A peer that resets its connection is no fault of ours.
    socket.on('error', () => socket.destroy());
    // One more, and the oldest goes: whoever holds them open for long never keeps a probe out.
    const [oldest] = this.#open;
    if (this.#open.size > CONNECTIONS) oldest?.destroy();
    void this.#respond(socket);
  }

  async #respond(socket: Socket): Promise<void> {
    const request = await readRequest(socket);
    if (!request) return void socket.destroy();
    try {
      writeAnswer(socket, request.method, await this.#handler(request));
    } catch (error) {
      this.#onFault(error);
      writeAnswer(socket, request.method, { status: 500 });
    }
  }
}
