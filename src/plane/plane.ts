import type { Resource } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { UnseenError } from '../errors.ts';
import { KubeClient, type ListOptions } from '../kube/client.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { Transport } from '../kube/transport.ts';
import { type Reading, reading } from './reading.ts';

export interface PlaneOptions {
  readonly timeoutMs: number;
  readonly userAgent: string;
}

const PAGE_SIZE = 500;
/** No list that we ask for is so long, or takes so long; a server that never ends one must not hold us. */
const MAX_PAGES = 400;
const MAX_LIST_MS = 120_000;
const CONNECTIONS = 8;

/** One API server, asked a few times and then left: no watch, no cache. Its reads are values, never exceptions. */
export class Plane {
  /** For writes, which throw. */
  readonly client: KubeClient;
  /** For people; without credentials. */
  readonly server: string;
  readonly #transport: Transport;

  constructor(access: Access, options: PlaneOptions) {
    this.#transport = new Transport(access, { ...options, connections: CONNECTIONS });
    this.client = new KubeClient(this.#transport);
    this.server = `${access.server.origin}${access.server.pathname.replace(/\/$/, '')}`;
  }

  /** The object; a value of undefined is positive evidence that there is none. */
  get<T>(
    resource: Resource,
    name: string,
    parse: (raw: unknown) => T,
    namespace?: string,
  ): Promise<Reading<T | undefined>> {
    return this.reading(async () => {
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
    return this.reading(async () => {
      const found: T[] = [];
      for await (const page of this.pages(resource, options)) found.push(...page.map(parse));
      return found;
    });
  }

  /** Pages of a list, as they come. @throws what the client throws @throws {UnseenError} for a list without an end */
  async *pages(
    resource: Resource,
    options: Omit<ListOptions, 'limit' | 'continue'> = {},
  ): AsyncGenerator<readonly unknown[]> {
    let next = '';
    const beganAtMs = performance.now();
    for (let pages = 1; ; pages += 1) {
      if (pages > MAX_PAGES || performance.now() - beganAtMs > MAX_LIST_MS)
        throw new UnseenError(
          `${this.server}: its list of ${resource.plural} has no end: given up after ${pages - 1} pages`,
        );
      const page = await this.client.list(resource, {
        ...options,
        limit: PAGE_SIZE,
        ...(next === '' ? {} : { continue: next }),
      });
      yield page.items;
      next = page.continue;
      if (next === '') return;
    }
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

  /** A server that gave no answer is named: it may not be the one that a person had in mind. */
  async reading<T>(read: () => Promise<T>): Promise<Reading<T>> {
    const result = await reading(read);
    if (result.ok || !['Unreachable', 'CertificateInvalid'].includes(result.failure.reason)) return result;
    const { reason, message } = result.failure;
    return { ok: false, failure: { reason, message: `${this.server}: ${message}` } };
  }

  async close(): Promise<void> {
    await this.#transport.close();
  }
}

/** The header has whole seconds: within one of them nothing can be said. */
function skewOf(date: string | undefined, askedAtMs: number, answeredAtMs: number): number | undefined {
  const serverMs = Date.parse(date ?? '');
  if (Number.isNaN(serverMs)) return undefined;
  if (serverMs + 1_000 < askedAtMs) return serverMs + 1_000 - askedAtMs;
  return serverMs > answeredAtMs ? serverMs - answeredAtMs : 0;
}
