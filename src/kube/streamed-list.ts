import { ApiError } from '../errors.ts';
import { tooLarge } from './classify.ts';
import { type Collection, type Listed, MAX_BYTES, MAX_OBJECTS } from './listing.ts';
import { versionOf, WatchLineError, watchError, watchEvents } from './watch-lines.ts';

/** The server marks the bookmark behind the last object that was there by this annotation. */
const END_OF_LIST = 'k8s.io/initial-events-end';
/** So long nothing may come. */
const PATIENCE_MS = 20_000;
const TIMEOUT_SECONDS = 600;

/** Answers by which an API server says that it knows no streamed lists, or not for this kind. */
const REFUSALS = new Set([400, 404, 405, 406, 415, 422, 501]);

export function isStreamingRefused(error: unknown): boolean {
  return error instanceof ApiError && REFUSALS.has(error.code);
}

/**
 * Everything of one collection as a stream of objects, from newer API servers: they need not put a list together in their
 * memory, and we need not take one apart in ours.
 *
 * Source: KEP-3157, `sendInitialEvents`.
 *
 * @throws {ApiError | WatchLineError} and what the network throws; without the end mark there is no list
 */
export async function streamAll<T>(collection: Collection<T>, signal: AbortSignal): Promise<Listed<T>> {
  const { client, resource, parse, maxBytes = MAX_BYTES, maxObjects = MAX_OBJECTS } = collection;
  const ended = new AbortController();
  const timer = setTimeout(() => ended.abort(new Error('the stream of a list fell silent')), PATIENCE_MS);
  const items = new Map<string, T>();
  let bytes = 0;
  async function* counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of body) {
      timer.refresh();
      collection.onData?.();
      bytes += chunk.length;
      if (bytes > maxBytes || items.size > maxObjects) {
        throw tooLarge(`LIST ${resource.plural}`, `${items.size} objects, ${bytes} bytes, and no end`);
      }
      yield chunk;
    }
  }
  try {
    const either = AbortSignal.any([signal, ended.signal]);
    const stream = await client.watch(
      resource,
      { ...collection, list: true, timeoutSeconds: TIMEOUT_SECONDS },
      either,
    );
    for await (const { type, object } of watchEvents(counted(stream.body))) {
      if (type === 'ERROR') throw watchError(resource, object);
      if (type === 'BOOKMARK') {
        if (!isEnd(object)) continue;
        const resourceVersion = versionOf(object);
        return { items: [...items.values()], resourceVersion, bytes, besideWatches: true };
      }
      const key = keyOf(object);
      if (type === 'DELETED') items.delete(key);
      else items.set(key, parse(object));
    }
    throw new WatchLineError('the stream of a list ended before its end mark');
  } finally {
    clearTimeout(timer);
    ended.abort();
  }
}

function isEnd(bookmark: unknown): boolean {
  const { annotations } =
    (bookmark as { metadata?: { annotations?: Record<string, unknown> } }).metadata ?? {};
  return annotations?.[END_OF_LIST] === 'true';
}

function keyOf(object: unknown): string {
  const { namespace, name } = (object as { metadata?: { namespace?: string; name?: string } }).metadata ?? {};
  return `${namespace ?? ''}/${name ?? ''}`;
}
