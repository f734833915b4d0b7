import type { Dispatcher, Pool } from 'undici';
import {
  ConnectionError,
  certificateReasonIn,
  type FencedError,
  isHeldBack,
  type OvertakenError,
} from '../errors.ts';
import { readBeginning } from './body.ts';
import { certificateReason, describeCertificate, shownIn } from './certificate.ts';
import { tooLarge } from './classify.ts';
import { Connections, type ConnectionsOptions } from './connections.ts';
import { BodyTooLongError, Exchange } from './exchange.ts';
import type { Fence, FencedOptions } from './fence.ts';
import type { Access } from './kubeconfig.ts';
import { SilenceError } from './signs-of-life.ts';

export interface Reply {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly text: string;
  /** Length of the answer. */
  readonly bytes: number;
  /** When the server says it is; by its own clock. */
  readonly date: string | undefined;
}

export interface Stream {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly date: string | undefined;
  readonly body: AsyncIterable<Uint8Array>;
  /** What a refusal says; the stream ends with it. */
  refusal(): Promise<string>;
}

export interface TransportOptions extends ConnectionsOptions {
  readonly userAgent: string;
  /** No request outlives it. */
  readonly deadline?: AbortSignal | undefined;
}

export interface RequestOptions {
  readonly body?: string | undefined;
  readonly contentType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** A larger answer is refused. 16 MiB without it. */
  readonly maxBytes?: number | undefined;
  /** Called for whatever arrives of an answer that is a success. */
  readonly onData?: (() => void) | undefined;
  /** Asked right before a write is sent, after all that it has to wait for. Left out: it is. */
  readonly isStillDue?: (() => boolean) | undefined;
  /** A fence of its own, within that of all requests; asked at the same moment. */
  readonly mayWrite?: Fence | undefined;
  /** Of a small read that is about a watch: it goes over the connection of the watches, and no other one is opened for it. */
  readonly besideWatches?: boolean | undefined;
}

/** No object is larger than 3 MiB. */
const MAX_OBJECT_BYTES = 16 * 1024 * 1024;
/** Of an answer that is no success; a Status is a few hundred bytes long. */
const MAX_REFUSAL_BYTES = 64 * 1024;

/**
 * Pooled HTTP to one API server.
 *
 * client-node's own transport opens a TLS connection for each request, which costs four to six times the
 * throughput.
 */
export class Transport {
  readonly #access: Access;
  readonly #options: TransportOptions;
  readonly #connections: Connections;
  readonly #basePath: string;

  constructor(access: Access, options: TransportOptions) {
    this.#access = access;
    this.#options = options;
    this.#connections = new Connections(access, options);
    this.#basePath = access.server.pathname.replace(/\/$/, '');
  }

  /** How many connections were made for watches so far. */
  get watchConnections(): number {
    return this.#connections.watchConnections;
  }

  /** Over the connections that are open another server answers: the next requests and watches go over new ones. */
  leaveConnections(): void {
    this.#connections.leave();
  }

  /**
   * One request, one answer of any status. A read that got no answer is tried once more, at once and over a new connection; not so one beside the
   * watches.
   *
   * @throws {ConnectionError} when there was no answer
   * @throws {FencedError} when it was a write, and was not sent because this process may not write
   * @throws {OvertakenError} when it was a write, and was not due any more when its turn came
   * @throws {ApiError} `ResponseTooLarge`
   */
  async request(method: Dispatcher.HttpMethod, path: string, options: RequestOptions = {}): Promise<Reply> {
    const tls = this.#access.tls;
    try {
      return await this.#send(method, path, options);
    } catch (error) {
      const isOver = options.signal?.aborted || this.#options.deadline?.aborted;
      if (!(error instanceof ConnectionError) || isOver) throw error;
      // The authority may have been replaced on disk.
      if (certificateReasonIn(error.reason)) await this.refreshCredentials();
      const isOtherNow = tls !== this.#access.tls;
      // What is asked beside the watches is about their connection: no other one can tell.
      const isToRepeat = method === 'GET' && !options.besideWatches && isSilence(error.cause);
      if (!isOtherNow && !isToRepeat) throw error;
      return await this.#send(method, path, options);
    }
  }

  async #send(method: Dispatcher.HttpMethod, path: string, options: RequestOptions): Promise<Reply> {
    // undici's headers timeout starts when the request is sent; waiting for a connection is bounded here. A timer that
    // is cleared costs a fifth of AbortSignal.timeout, which lives on until it fires.
    const limit = new AbortController();
    const timer = setTimeout(
      () => limit.abort(new SilenceError('no answer in time')),
      this.#options.timeoutMs * 2,
    );
    const headers = await this.#headers(options.contentType);
    const pool = options.besideWatches ? this.#connections.watches : this.#connections.requests;
    const signal = firstOf(limit.signal, options.signal, this.#options.deadline);
    try {
      const request: FencedOptions = {
        method,
        path: this.#basePath + path,
        headers,
        body: options.body ?? null,
        // Else undici ends the connection after each DELETE that has a body, as all of ours have, and the next one has to shake hands.
        reset: false,
        isStillDue: options.isStillDue,
        mayWrite: options.mayWrite,
      };
      const limits = {
        maxBytes: options.maxBytes ?? MAX_OBJECT_BYTES,
        maxRefusalBytes: MAX_REFUSAL_BYTES,
        onProgress: () => void timer.refresh(),
        onData: options.onData,
      };
      const answer = await Exchange.run(pool, request, limits, signal);
      const { 'retry-after': retryAfter, date } = answer.headers;
      const { status, text, bytes } = answer;
      return { status, text, bytes, retryAfter: headerText(retryAfter), date: headerText(date) };
    } catch (error) {
      if (error instanceof BodyTooLongError) throw tooLarge(`${method} ${withoutQuery(path)}`, error.message);
      this.#lookAt(pool, error);
      throw await this.#failure(`${method} ${withoutQuery(path)}`, error);
    } finally {
      clearTimeout(timer);
    }
  }

  /** A certificate that is not trusted is described: the code alone mends nothing. */
  async #failure(request: string, error: unknown): Promise<ConnectionError | FencedError | OvertakenError> {
    const failure = connectionError(request, error);
    const reason = failure instanceof ConnectionError ? certificateReasonIn(failure.reason) : undefined;
    if (!reason) return failure;
    const shown = shownIn(error) ?? (await this.#connections.shownCertificate());
    if (!shown) return failure;
    const text = describeCertificate(reason, shown.certificate, shown.host);
    return new ConnectionError(reason, `${failure.message}: ${text}`, { cause: error });
  }

  /** Whoever waited in vain takes the idle connections along: they were silent for as long. */
  #lookAt(pool: Pool, error: unknown): void {
    if (isSilence(error)) this.#connections.suspect(pool);
  }

  /**
   * One request whose answer is read as it comes.
   *
   * @throws {ConnectionError} when there was no answer
   */
  async stream(path: string, signal: AbortSignal): Promise<Stream> {
    try {
      const headers = await this.#headers();
      const response = await this.#connections.watches.request({
        method: 'GET',
        path: this.#basePath + path,
        headers,
        signal,
      });
      const { 'retry-after': retryAfter, date } = response.headers;
      return {
        status: response.statusCode,
        retryAfter: headerText(retryAfter),
        date: headerText(date),
        body: response.body,
        refusal: () => readBeginning(response.body, MAX_REFUSAL_BYTES),
      };
    } catch (error) {
      const failure = await this.#failure(`WATCH ${withoutQuery(path)}`, error);
      if (failure instanceof ConnectionError && certificateReasonIn(failure.reason))
        await this.refreshCredentials();
      throw failure;
    }
  }

  /** Credentials and certificates are read again before the next request, after a 401. */
  async refreshCredentials(): Promise<void> {
    await this.#access.headers(true);
  }

  /** Ends every connection at once. */
  async close(): Promise<void> {
    await this.#connections.close();
  }

  async #headers(contentType?: string): Promise<Record<string, string | string[]>> {
    return {
      ...(await this.#access.headers()),
      accept: 'application/json',
      'user-agent': this.#options.userAgent,
      ...(contentType ? { 'content-type': contentType } : {}),
    };
  }
}

function firstOf(limit: AbortSignal, ...others: readonly (AbortSignal | undefined)[]): AbortSignal {
  const given = others.filter((signal) => signal !== undefined);
  return given.length === 0 ? limit : AbortSignal.any([limit, ...given]);
}

const SILENCES = new Set(['UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'TIMEOUT']);

function isSilence(error: unknown): boolean {
  return SILENCES.has(String((error as { code?: unknown } | undefined)?.code));
}

/** Names the request that got no answer, and whether TLS or the network was in the way. */
export function connectionError(
  request: string,
  cause: unknown,
): ConnectionError | FencedError | OvertakenError {
  if (cause instanceof ConnectionError || isHeldBack(cause)) return cause;
  const code = codeOf(cause);
  const reason = certificateReason(code) ?? 'Unreachable';
  return new ConnectionError(reason, `${request}: no answer (${code})`, { cause });
}

function codeOf(cause: unknown): string {
  const error = cause as { code?: unknown; name?: unknown } | undefined;
  return typeof error?.code === 'string' ? error.code : String(error?.name ?? 'no response');
}

function withoutQuery(path: string): string {
  return path.split('?')[0] ?? path;
}

function headerText(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value;
}
