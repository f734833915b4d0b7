import { Agent, type Dispatcher, type Pool } from 'undici';
import { ConnectionError, FencedError } from '../errors.ts';
import { type Fence, FencedPool } from './fence.ts';
import type { Access } from './kubeconfig.ts';

export interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
  /** When the server says it is; by its own clock. */
  readonly date: string | undefined;
}

export interface Stream {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: AsyncIterable<Uint8Array> & { text(): Promise<string> };
}

export interface TransportOptions {
  /** Connections for requests at most; watches have their own and are not counted. */
  readonly connections: number;
  /** For the answer to a request to begin, and for each further part of it. */
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** Asked before each write is sent; without it, all are. */
  readonly mayWrite?: Fence | undefined;
}

/**
 * Pooled HTTP to one API server.
 *
 * client-node's own transport opens a TLS connection for each request, which costs four to six times the
 * throughput. Watches get a dispatcher of their own: they would eat the slots of a bounded pool.
 */
export class Transport {
  readonly #access: Access;
  readonly #options: TransportOptions;
  readonly #requests: Pool;
  readonly #watches: Agent;
  readonly #basePath: string;

  constructor(access: Access, options: TransportOptions) {
    this.#access = access;
    this.#options = options;
    this.#basePath = access.server.pathname.replace(/\/$/, '');
    const connect = {
      ...access.tls,
      timeout: CONNECT_TIMEOUT_MS,
      keepAlive: true,
      keepAliveInitialDelay: 30_000,
    };
    const common = { allowH2: false, keepAliveTimeout: 30_000, connect: connect as Pool.Options['connect'] };
    const pool = {
      ...common,
      connections: options.connections,
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      maxResponseSize: MAX_RESPONSE_BYTES,
    };
    this.#requests = new FencedPool(
      access.server.origin,
      pool as Pool.Options,
      options.mayWrite ?? (() => true),
    );
    this.#watches = new Agent({
      ...common,
      headersTimeout: options.timeoutMs,
      bodyTimeout: 0,
    } as Agent.Options);
  }

  /**
   * One request, one answer of any status.
   *
   * @throws {ConnectionError} when there was no answer
   * @throws {FencedError} when it was a write, and was not sent because this process may not write
   */
  async request(
    method: Dispatcher.HttpMethod,
    path: string,
    options: { body?: string; contentType?: string; signal?: AbortSignal } = {},
  ): Promise<Reply> {
    // undici's headers timeout starts when the request is sent; waiting for a connection is bounded here. A timer that
    // is cleared costs a fifth of AbortSignal.timeout, which lives on until it fires.
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(), this.#options.timeoutMs * 2);
    try {
      const response = await this.#requests.request({
        method,
        path: this.#basePath + path,
        headers: await this.#headers(options.contentType),
        body: options.body ?? null,
        signal: options.signal ? AbortSignal.any([options.signal, limit.signal]) : limit.signal,
      });
      const reply = { status: response.statusCode, text: await response.body.text() };
      const { 'retry-after': retryAfter, date } = response.headers;
      return { ...reply, retryAfter: headerText(retryAfter), date: headerText(date) };
    } catch (error) {
      throw connectionError(`${method} ${withoutQuery(path)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /**
   * One request whose answer is read as it comes.
   *
   * @throws {ConnectionError} when there was no answer
   */
  async stream(path: string, signal: AbortSignal): Promise<Stream> {
    try {
      const response = await this.#watches.request({
        origin: this.#access.server.origin,
        method: 'GET',
        path: this.#basePath + path,
        headers: await this.#headers(),
        signal,
      });
      const retryAfter = headerText(response.headers['retry-after']);
      return { status: response.statusCode, retryAfter, body: response.body };
    } catch (error) {
      throw connectionError(`WATCH ${withoutQuery(path)}`, error);
    }
  }

  /** Credentials are read again before the next request, after a 401. */
  async refreshCredentials(): Promise<void> {
    await this.#access.headers(true);
  }

  /** Ends every connection at once. */
  async close(): Promise<void> {
    await Promise.allSettled([this.#requests.destroy(), this.#watches.destroy()]);
  }

  async #headers(contentType?: string): Promise<Record<string, string>> {
    return {
      ...(await this.#access.headers()),
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      ...(contentType ? { 'content-type': contentType } : {}),
    };
  }
}

const CONNECT_TIMEOUT_MS = 5_000;
/** One page of a list, with room to spare: a server without end must not take our memory. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;

const CERTIFICATE_CODES = /^(CERT_|UNABLE_TO_|SELF_SIGNED|DEPTH_ZERO|ERR_TLS_CERT|INVALID_CA)/;

/** Names the request that got no answer, and whether TLS or the network was in the way. */
export function connectionError(request: string, cause: unknown): ConnectionError | FencedError {
  if (cause instanceof ConnectionError || cause instanceof FencedError) return cause;
  const error = cause as { code?: unknown; name?: unknown };
  const code = typeof error?.code === 'string' ? error.code : String(error?.name ?? 'no response');
  const reason = CERTIFICATE_CODES.test(code) ? 'CertificateInvalid' : 'Unreachable';
  return new ConnectionError(reason, `${request}: no answer (${code})`, { cause });
}

function withoutQuery(path: string): string {
  return path.split('?')[0] ?? path;
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
