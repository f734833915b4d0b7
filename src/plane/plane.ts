import type { Resource } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { CERTIFICATE_REASONS, UnseenError } from '../errors.ts';
import { apiError } from '../kube/classify.ts';
import { KubeClient, type ListOptions } from '../kube/client.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { PlaneClock } from '../kube/plane-clock.ts';
import { SilenceError } from '../kube/signs-of-life.ts';
import { Transport } from '../kube/transport.ts';
import { type ReadFailure, type Reading, reading } from './reading.ts';

export interface PlaneOptions {
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** No request outlives it. */
  readonly deadline?: AbortSignal | undefined;
  /** 8 without it. */
  readonly connections?: number;
  /** What one list may take; a server that never ends it must not hold us, or fill our memory. */
  readonly limits?: ListLimits;
}

export interface ListLimits {
  readonly bytes: number;
  readonly ms: number;
}

const PAGE_SIZE = 500;
/** An object is 3 MiB at most, and as a rule a thousandth of that. */
const MAX_PAGE_BYTES = 64 * 1024 * 1024;
/** Some 100,000 tokens with all that belongs to them, from far away. */
const LIMITS: ListLimits = { bytes: 512 * 1024 * 1024, ms: 300_000 };
/** API servers fill their pages. */
const MAX_EMPTY_PAGES = 10;
const CONNECTIONS = 8;

/** One API server, asked a few times and then left: no watch, no cache. Its reads are values, never exceptions. */
export class Plane {
  /** For writes, which throw. */
  readonly client: KubeClient;
  /** For people; without credentials. */
  readonly server: string;
  /** What time it is there, by its answers. */
  readonly clock = new PlaneClock(Date.now);
  readonly #transport: Transport;
  readonly #limits: ListLimits;
  /** Whether it is an API server; undefined: that was never in question, or it did not say. */
  #isOne: Promise<Reading<boolean>> | undefined;

  constructor(access: Access, options: PlaneOptions) {
    const { limits = LIMITS, connections = CONNECTIONS } = options;
    this.#limits = limits;
    this.#transport = new Transport(access, { ...options, connections });
    this.client = new KubeClient(this.#transport, (_verb, _code, date) => this.clock.told(date));
    this.server = `${access.server.origin}${access.server.pathname.replace(/\/$/, '')}`;
  }

  /** The object; a value of undefined is positive evidence that there is none. */
  get<T>(
    resource: Resource,
    name: string,
    parse: (raw: unknown) => T,
    namespace?: string,
  ): Promise<Reading<T | undefined>> {
    return this.#object(async () => {
      const raw = await this.client.get({ resource, name, namespace });
      return raw === undefined ? undefined : parse(raw);
    });
  }

  /** Everything of a kind, in as many pages as it takes. */
  list<T>(
    resource: Resource,
    parse: (raw: unknown) => T,
    options: Omit<ListOptions, 'limit' | 'continue'> = {},
  ): Promise<Reading<readonly T[]>> {
    return this.#object(async () => {
      const found: T[] = [];
      for await (const page of this.pages(resource, options)) found.push(...page.map(parse));
      return found;
    });
  }

  /**
   * Pages of a list, as they come.
   *
   * @throws what the client throws
   * @throws {UnseenError} when it takes more time or bytes than any list that we know
   */
  async *pages(
    resource: Resource,
    options: Omit<ListOptions, 'limit' | 'continue'> = {},
  ): AsyncGenerator<readonly unknown[]> {
    const limit = new AbortController();
    const timer = setTimeout(() => limit.abort(new SilenceError('no end in time')), this.#limits.ms);
    let [next, bytes, empty] = ['', 0, 0];
    try {
      do {
        const page = await this.client.list(resource, {
          ...options,
          limit: PAGE_SIZE,
          maxBytes: MAX_PAGE_BYTES,
          signal: limit.signal,
          continue: next,
        });
        bytes += page.bytes ?? 0;
        empty = page.items.length === 0 ? empty + 1 : 0;
        if (bytes > this.#limits.bytes || empty > MAX_EMPTY_PAGES) throw this.#endless(resource);
        yield page.items;
        next = page.continue;
      } while (next !== '');
    } catch (error) {
      throw limit.signal.aborted ? this.#endless(resource) : error;
    } finally {
      clearTimeout(timer);
    }
  }

  #endless({ plural }: Resource): UnseenError {
    return new UnseenError(`${this.server}: its list of ${plural} has no end, or none in time`);
  }

  /** Posts a review (`TokenReview`, `SelfSubjectAccessReview`, …), which is a question and stores nothing. */
  review<T>(resource: Resource, spec: object, answer: (status: unknown) => T): Promise<Reading<T>> {
    const body = {
      apiVersion: `${resource.group}/${resource.version}`,
      kind: resource.kind,
      metadata: {},
      spec,
    } as unknown as KubeObject;
    return reading(async () =>
      answer(((await this.client.create(resource, body)) as { status?: unknown }).status ?? {}),
    );
  }

  /** Answer of any path: its status, and by how much the server's clock is ahead of ours (undefined: it did not say). */
  probe(
    path: string,
    now: () => number,
  ): Promise<Reading<{ status: number; text: string; skewMs: number | undefined }>> {
    return this.reading(async () => {
      const askedAtMs = now();
      const { status, text, date } = await this.#transport.request('GET', path);
      return { status, text, skewMs: skewOf(date, askedAtMs, now()) };
    });
  }

  /** Answer to an object that is put to a path, of whatever status: for questions, which store nothing. */
  post(path: string, body: object): Promise<Reading<{ status: number; text: string }>> {
    const contentType = 'application/json';
    return this.reading(() =>
      this.#transport.request('POST', path, { body: JSON.stringify(body), contentType }),
    );
  }

  /**
   * What is no object, such as a log, or what a Pod says by way of its proxy: refusals of its own are in no form that we know.
   *
   * @param maxBytes - a longer one is refused
   */
  async text(path: string, maxBytes: number): Promise<Reading<string>> {
    const result = await this.reading(async () => {
      const reply = await this.#transport.request('GET', path, { maxBytes });
      if (reply.status !== 200) throw apiError(`GET ${path.split('?')[0]}`, reply);
      return reply.text;
    });
    if (result.ok || result.failure.reason !== 'NoApiServer' || !path.includes('/proxy/')) return result;
    return { ok: false, failure: { reason: 'Failing', message: result.failure.message } };
  }

  /** That a kind is not served is said in plain text, by API servers and by whatever stands before one. */
  async #object<T>(read: () => Promise<T>): Promise<Reading<T>> {
    const result = await this.reading(read);
    if (result.ok || result.failure.reason !== 'KindMissing') return result;
    this.#isOne ??= this.#isApiServer();
    const isOne = await this.#isOne;
    if (isOne.ok) return isOne.value ? result : { ok: false, failure: otherServer(result.failure.message) };
    this.#isOne = undefined;
    return isOne;
  }

  /** By a path that all of them have, whoever asks. Who does not answer, or is in trouble, is no evidence for absence. */
  async #isApiServer(): Promise<Reading<boolean>> {
    const asked = await this.probe('/api', Date.now);
    if (!asked.ok) return asked;
    const { status, text } = asked.value;
    if (status !== 429 && status < 500) return { ok: true, value: isApiServers(status, text) };
    const message = `GET ${this.server}/api: status ${status}, so that it is not known whether it is an API server`;
    return { ok: false, failure: { reason: 'Failing', message } };
  }

  /** A server that gave no answer is named: it may not be the one that a person had in mind. */
  async reading<T>(read: () => Promise<T>): Promise<Reading<T>> {
    const result = await reading(read);
    if (result.ok || !['Unreachable', ...CERTIFICATE_REASONS].includes(result.failure.reason)) return result;
    const { reason, message } = result.failure;
    return { ok: false, failure: { reason, message: `${this.server}: ${message}` } };
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }
}

const otherServer = (message: string): ReadFailure => ({
  reason: 'NoApiServer',
  message: `${message}, by what is no API server: neither is its answer to GET /api one`,
});

/** Its APIs, or that they are not for whoever asked; the latter also by Rancher, before one. Proxies say 404 in the same form. */
function isApiServers(status: number, text: string): boolean {
  const { kind, type } = bodyOf(text);
  if (status === 200) return kind === 'APIVersions';
  return (status === 401 || status === 403) && (kind === 'Status' || type === 'error');
}

/** Of an API server's answer to `GET /version`, or of Rancher's, before one. */
export function isInForm(text: string): boolean {
  const { kind, type, gitVersion } = bodyOf(text);
  return typeof kind === 'string' || type === 'error' || typeof gitVersion === 'string';
}

function bodyOf(text: string): { kind?: unknown; type?: unknown; gitVersion?: unknown } {
  try {
    return (JSON.parse(text) as object | null) ?? {};
  } catch {
    return {};
  }
}

/** The header has whole seconds: within one of them nothing can be said. */
function skewOf(date: string | undefined, askedAtMs: number, answeredAtMs: number): number | undefined {
  const serverMs = Date.parse(date ?? '');
  if (Number.isNaN(serverMs)) return undefined;
  if (serverMs + 1_000 < askedAtMs) return serverMs + 1_000 - askedAtMs;
  return serverMs > answeredAtMs ? serverMs - answeredAtMs : 0;
}
