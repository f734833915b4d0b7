import type { DetailedPeerCertificate } from 'node:tls';
import { buildConnector, Client, Pool } from 'undici';
import { type Fence, FencedPool } from './fence.ts';
import type { Access } from './kubeconfig.ts';
import { type Connector, throughProxy } from './proxy.ts';
import { endWhenSilent, followGoaway, isHttp2, SilenceError } from './signs-of-life.ts';

export interface ConnectionsOptions {
  /** Connections for requests at most; watches have their own and are not counted. */
  readonly connections: number;
  /** For the answer to a request to begin, and for each further part of it. */
  readonly timeoutMs: number;
  /** Asked before each write is sent; without it, all are. */
  readonly mayWrite?: Fence | undefined;
  /** How often a connection of watches is asked for a sign of life; after three times that without one it is ended. */
  readonly pingMs?: number;
  /** An idle connection is ended after that long; ten seconds without it. */
  readonly idleMs?: number;
  /** So long a TLS session is resumed; an hour without it. */
  readonly sessionMs?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** An idle connection is thrown away soon: what lies unused may have died in silence, and a new one costs little. */
const IDLE_MS = 10_000;
const PING_MS = 2_000;
/** A certificate of the server that has run out is to be noticed, and its sessions may go on for ever. */
const SESSION_MS = 3_600_000;

interface Session {
  readonly ticket: Buffer;
  /** When the server showed its certificate, by a clock that nobody sets. */
  readonly checkedAtMs: number;
}

/**
 * The connections to one API server: HTTP/1.1 for requests, HTTP/2 where the server has it for watches, and for the small reads that
 * are about them.
 *
 * Watches are silent for as long as nothing happens, so only a PING tells a quiet connection from one that died. Requests have
 * one connection each: a slow list must not hold up a revocation.
 *
 * Certificates that changed on disk, and connections that are suspected to be dead, cost new connections and nothing else:
 * what is on its way over the old ones may still arrive.
 */
export class Connections {
  readonly #access: Access;
  readonly #options: ConnectionsOptions;
  readonly #retired = new Set<Pool>();
  #tls: Access['tls'];
  #requests: Pool;
  /** Made when it is first asked for: who asks two thousand servers once each watches none of them. */
  #watches: Pool | undefined;
  /** Of the latest connection that was trusted: the next one need not check and sign what this one did. */
  #session: Session | undefined;
  #watchConnections = 0;
  #closed = false;

  constructor(access: Access, options: ConnectionsOptions) {
    this.#access = access;
    this.#options = options;
    this.#tls = access.tls;
    this.#requests = this.#newRequests();
  }

  get requests(): Pool {
    this.#followCertificates();
    return this.#requests;
  }

  get watches(): Pool {
    this.#followCertificates();
    this.#watches ??= this.#newWatches();
    return this.#watches;
  }

  /** How many were made for watches so far. */
  get watchConnections(): number {
    return this.#watchConnections;
  }

  /** After a request on `pool` got no answer: from here on all go over new connections. */
  suspect(pool: Pool): void {
    if (pool !== this.#requests || this.#closed) return;
    this.#requests = this.#newRequests();
    this.#retire(pool);
  }

  /** They lead to another server than they should: from here on all go over new ones, which may lead elsewhere again. */
  leave(): void {
    this.#session = undefined;
    this.suspect(this.#requests);
    if (this.#watches) this.#leave(this.#watches);
  }

  /**
   * Whatever took the connection of the present watches away has most likely taken the others, too: nobody waits for them. Earlier
   * watches go over connections that nothing else goes over, perhaps to a server that is not there any more.
   */
  #giveUp(watches: Pool): void {
    if (this.#closed || watches !== this.#watches) return;
    const silent = this.#requests;
    this.#requests = this.#newRequests();
    void silent.destroy(new SilenceError('the server gives no sign of life'));
  }

  /**
   * What the server shows for itself, trusted or not. A handshake and no more: no credential is shown, and nothing is sent.
   *
   * @returns undefined when there is none to be had
   */
  async shownCertificate(): Promise<{ certificate: DetailedPeerCertificate; host: string } | undefined> {
    const { server } = this.#access;
    const { ca, servername } = this.#tls ?? {};
    const tls = { ...(ca ? { ca } : {}), ...(servername ? { servername } : {}), rejectUnauthorized: false };
    const connect = this.#connector(tls, { allowH2: false });
    const { protocol, host, hostname, port } = server;
    const shown = await new Promise<DetailedPeerCertificate | undefined>((resolve) => {
      connect({ protocol, host, hostname, port }, (_error, socket) => {
        resolve(socket && 'getPeerCertificate' in socket ? socket.getPeerCertificate(true) : undefined);
        socket?.destroy();
      });
    });
    return shown?.valid_to === undefined ? undefined : { certificate: shown, host: servername ?? hostname };
  }

  /** Ends every connection at once. */
  async close(): Promise<void> {
    this.#closed = true;
    const all = [this.#requests, this.#watches, ...this.#retired];
    await Promise.allSettled(all.map((pool) => pool?.destroy()));
  }

  /** What was shown to the server, or how it was trusted, is another now: also to watches that are open. */
  #followCertificates(): void {
    const { tls } = this.#access;
    if (tls === this.#tls || this.#closed) return;
    this.#tls = tls;
    // It was agreed on with what is not shown, or not trusted, any more.
    this.#session = undefined;
    this.suspect(this.#requests);
    if (this.#watches) this.#leave(this.#watches);
  }

  /** Watches from here on go over new connections. */
  #leave(watches: Pool): void {
    if (watches !== this.#watches || this.#closed) return;
    this.#watches = undefined;
    this.#retire(watches);
  }

  /** Whatever is under way is let end, in its own time; a watch does so within a minute. */
  #retire(pool: Pool): void {
    this.#retired.add(pool);
    const forget = (): void => void this.#retired.delete(pool);
    pool.close().then(forget, forget);
  }

  #newRequests(): Pool {
    const { connections, timeoutMs, mayWrite = () => true } = this.#options;
    const options: Pool.Options = {
      connections,
      allowH2: false,
      ...this.#idle(),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      connect: this.#resuming(false),
    };
    return new FencedPool(this.#access.server.origin, options, mayWrite);
  }

  #newWatches(): Pool {
    const connect = this.#resuming(true);
    const { pingMs = PING_MS } = this.#options;
    const pool: Pool = new Pool(this.#access.server.origin, {
      allowH2: true,
      ...this.#idle(),
      headersTimeout: this.#options.timeoutMs,
      bodyTimeout: 0,
      h2Options: { pingInterval: pingMs },
      connect: (options, callback) =>
        connect(options, (...answer) => {
          const [, socket] = answer;
          if (socket && isHttp2(socket)) endWhenSilent(socket, pingMs, () => this.#giveUp(pool));
          callback(...answer);
        }),
    } as Pool.Options & { h2Options: Client.Options['h2Options'] });
    pool.on('connect', (_, targets) => {
      this.#watchConnections += 1;
      const client = targets.at(-1);
      if (client instanceof Client) followGoaway(client, pingMs, () => this.#leave(pool));
    });
    return pool;
  }

  #idle(): Pick<Pool.Options, 'keepAliveTimeout' | 'keepAliveMaxTimeout'> {
    const { idleMs = IDLE_MS } = this.#options;
    // The second: also where a server, or a proxy before it, says that it would keep it for longer.
    return { keepAliveTimeout: idleMs, keepAliveMaxTimeout: idleMs };
  }

  /**
   * Goes on with the TLS session of the connection before, where the server lets it, for an hour. undici itself holds sessions weakly:
   * none lives until the next connection of a quiet cluster, and each handshake is half of the processor time that the cluster takes.
   */
  #resuming(allowH2: boolean): Connector {
    const tls = this.#tls;
    return (options, callback) => {
      const begun = this.#resumable(tls);
      this.#connector(tls, { allowH2, session: begun?.ticket })(options, (...answer) => {
        const [error, socket] = answer;
        // It may be the session that the server, or whatever is before it, cannot bear.
        if (error && this.#session === begun) this.#session = undefined;
        socket?.on('session', (ticket: Buffer) => {
          if (tls !== this.#tls) return;
          const isResumed = 'isSessionReused' in socket && socket.isSessionReused();
          this.#session = { ticket, checkedAtMs: isResumed && begun ? begun.checkedAtMs : performance.now() };
        });
        callback(...answer);
      });
    };
  }

  /** One that was agreed on with other certificates is none, nor is one for which the server showed its own too long ago. */
  #resumable(tls: Access['tls']): Session | undefined {
    const { sessionMs = SESSION_MS } = this.#options;
    const session = tls === this.#tls ? this.#session : undefined;
    return session && performance.now() - session.checkedAtMs < sessionMs ? session : undefined;
  }

  #connector(
    tls: Access['tls'],
    { allowH2, session }: { allowH2: boolean; session?: Buffer | undefined },
  ): Connector {
    const connect = buildConnector({
      ...tls,
      allowH2,
      preferH2: allowH2,
      maxCachedSessions: 0,
      ...(session ? { session } : {}),
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: 5_000,
    } as buildConnector.BuildOptions);
    const { proxy } = this.#access;
    return proxy ? throughProxy(proxy, connect, CONNECT_TIMEOUT_MS) : connect;
  }
}
