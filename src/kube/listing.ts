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
}

export interface Listed<T> {
  readonly items: readonly T[];
  readonly resourceVersion: string;
  /** Of all answers together. */
  readonly bytes: number;
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
 * @throws {ApiError} also with the reason `ResponseTooLarge`, when the list is larger than any that we take
 */
export async function listAll<T>(collection: Collection<T>, signal: AbortSignal): Promise<Listed<T>> {
  const { resource, parse, maxBytes = MAX_BYTES } = collection;
  const items: T[] = [];
  let bytes = 0;
  let emptyPages = 0;
  let next: ListPage | undefined;
  let limit = collection.pageLimit ?? PAGE_LIMIT;
  do {
    const { page, limit: used } = await nextPage(collection, limit, next, signal);
    limit = used;
    bytes += page.bytes ?? 0;
    if (page.items.length === 0 && page.continue !== '') emptyPages += 1;
    const isTooMuch = bytes > maxBytes || items.length + page.items.length > MAX_OBJECTS;
    if (isTooMuch || emptyPages > MAX_EMPTY_PAGES) {
      throw tooLarge(`LIST ${resource.plural}`, `${items.length} objects, ${bytes} bytes, and no end`);
    }
    for (const item of page.items) items.push(parse(item));
    next = page;
  } while (next.continue !== '');
  return { items, resourceVersion: next.resourceVersion, bytes };
}

/** One page, of fewer objects where they are too large for that many. */
async function nextPage(
  collection: Collection<unknown>,
  limit: number,
  after: ListPage | undefined,
  signal: AbortSignal,
): Promise<{ page: ListPage; limit: number }> {
  const { client, resource, namespace, labelSelector, fieldSelector } = collection;
  const where = { namespace, labelSelector, fieldSelector, ...(after ? { continue: after.continue } : {}) };
  for (let fitting = limit; ; fitting = Math.max(1, Math.floor(fitting / 4))) {
    try {
      const page = await client.list(resource, {
        ...where,
        limit: fitting,
        maxBytes: MAX_PAGE_BYTES,
        signal,
      });
      return { page, limit: fitting };
    } catch (error) {
      if (!(error instanceof ApiError && isTooLarge(error)) || fitting === 1) throw error;
    }
  }
}
