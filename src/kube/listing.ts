import type { Resource } from '../api/names.ts';
import { ApiError } from '../errors.ts';
import { isTooLarge, tooLarge } from './classify.ts';
import type { KubeClient, ListPage } from './client.ts';

/** What a list is of, and how much of it is taken. */
export interface Collection<T> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly parse: (raw: unknown) => T;
  /** Objects a page of a list holds at most; fewer where objects are large. 500 without it. */
  readonly pageLimit?: number;
  /** Bytes of all pages of a list together at most: a server without end must not take our memory. 512 MiB without it. */
  readonly maxBytes?: number;
  /** Objects of a list together at most; {@link MAX_OBJECTS} without it. */
  readonly maxObjects?: number;
  /** Called for whatever arrives of a list: it is on its way. */
  readonly onData?: () => void;
}

/** A collection of which only lists are asked. */
type Pages = Omit<Collection<unknown>, 'client' | 'parse'> & { readonly client: Pick<KubeClient, 'list'> };

export interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Of all answers together. */
  readonly bytes: number;
  /** It came over the connection of the watches. */
  readonly besideWatches?: boolean;
}

const PAGE_LIMIT = 500;
/** A page larger than this is asked for again with fewer objects on it; none is larger than 3 MiB by itself. */
const MAX_PAGE_BYTES = 16 * 1024 * 1024;
export const MAX_BYTES = 512 * 1024 * 1024;
export const MAX_OBJECTS = 500_000;
/** API servers fill their pages; a few empty ones are let pass. */
const MAX_EMPTY_PAGES = 10;

/**
 * Everything of one collection, in as many pages as it takes. All pages of one list are of one version; a `continue` that
 * expired throws 410.
 *
 * @throws {ApiError} also with the reason `ResponseTooLarge`, when the list is larger than any that we take, or has no end
 */
export async function listAll<T>(collection: Collection<T>, signal: AbortSignal): Promise<Listed<T>> {
  const items: T[] = [];
  let bytes = 0;
  let resourceVersion = '';
  for await (const page of pagesOf(collection, signal)) {
    for (const item of page.items) items.push(collection.parse(item));
    bytes += page.bytes ?? 0;
    resourceVersion = page.resourceVersion;
  }
  return { items, resourceVersion, bytes };
}

/**
 * The pages of one list, each as it comes.
 *
 * @throws {ApiError} as {@link listAll}
 */
export async function* pagesOf(
  collection: Pages,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListPage, void> {
  const bounds = new Bounds(collection);
  let next: ListPage | undefined;
  const full = collection.pageLimit ?? PAGE_LIMIT;
  let limit = full;
  do {
    const { page, limit: used } = await nextPage(collection, limit, next, signal);
    // A few large objects must not make thousands of pages of all that come behind them.
    limit = (page.bytes ?? 0) < MAX_PAGE_BYTES / 4 ? Math.min(full, used * 4) : used;
    bounds.take(page);
    yield page;
    next = page;
  } while (next.continue !== '');
}

/** What the pages of one list come to. */
class Bounds {
  readonly #of: Pick<Pages, 'resource' | 'maxBytes' | 'maxObjects'>;
  /** The first objects of all pages. */
  readonly #begun = new Set<string>();
  #bytes = 0;
  #objects = 0;
  #emptyPages = 0;

  constructor(of: Pick<Pages, 'resource' | 'maxBytes' | 'maxObjects'>) {
    this.#of = of;
  }

  /** @throws {ApiError} when no list that has an end comes to that */
  take(page: ListPage): void {
    this.#bytes += page.bytes ?? 0;
    this.#objects += page.items.length;
    if (page.items.length === 0 && page.continue !== '') this.#emptyPages += 1;
    const { maxBytes = MAX_BYTES, maxObjects = MAX_OBJECTS } = this.#of;
    const isTooMuch = this.#bytes > maxBytes || this.#objects > maxObjects;
    if (!(isTooMuch || this.#comesRound(page) || this.#emptyPages > MAX_EMPTY_PAGES)) return;
    const detail = `${this.#objects} objects, ${this.#bytes} bytes, and no end`;
    throw tooLarge(`LIST ${this.#of.resource.plural}`, detail);
  }

  /** Each object is once in a list: a page that begins as an earlier one did begins the list anew, and so for ever. */
  #comesRound({ items }: ListPage): boolean {
    const first = keyOf(items[0]);
    if (first === undefined) return false;
    if (this.#begun.has(first)) return true;
    this.#begun.add(first);
    return false;
  }
}

/** undefined where there is no object, or one without a name. */
function keyOf(object: unknown): string | undefined {
  const { namespace = '', name } =
    (object as { metadata?: { namespace?: string; name?: string } } | undefined)?.metadata ?? {};
  return name === undefined ? undefined : `${namespace}/${name}`;
}

/** One page, of fewer objects where they are too large for that many. */
async function nextPage(
  collection: Pages,
  limit: number,
  after: ListPage | undefined,
  signal: AbortSignal | undefined,
): Promise<{ page: ListPage; limit: number }> {
  const { client, resource, namespace, labelSelector, fieldSelector, onData } = collection;
  const where = {
    namespace,
    labelSelector,
    fieldSelector,
    onData,
    ...(after ? { continue: after.continue } : {}),
  };
  for (let fitting = limit; ; fitting = Math.max(1, Math.floor(fitting / 4))) {
    try {
      const page = await client.list(resource, {
        ...where,
        limit: fitting,
        maxBytes: MAX_PAGE_BYTES,
        ...(signal ? { signal } : {}),
      });
      return { page, limit: fitting };
    } catch (error) {
      if (!(error instanceof ApiError && isTooLarge(error)) || fitting === 1) throw error;
    }
  }
}
