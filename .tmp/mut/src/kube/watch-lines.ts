import type { Resource } from '../api/names.ts';
import { ApiError } from '../errors.ts';
import { retryAfterMs } from './classify.ts';

/** One line of a watch stream that could not be understood. The stream cannot be trusted any further. */
export class WatchLineError extends Error {
  override readonly name = 'WatchLineError';
}

export interface WatchEvent {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK' | 'ERROR';
  readonly object: unknown;
}

const TYPES = new Set(['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR']);

/**
 * Events of a watch stream, in order.
 *
 * A last line without its newline is an event cut in half and is dropped: the watch resumes before it.
 *
 * @throws {WatchLineError} when a line is no event; a skipped line could be a missed revocation
 */
export async function* watchEvents(body: AsyncIterable<Uint8Array>): AsyncGenerator<WatchEvent> {
  const decoder = new TextDecoder();
  let pieces: string[] = [];
  let length = 0;
  for await (const chunk of body) {
    // Only the new chunk is searched: a long line must not be gone through again for each part of it.
    const [first = '', ...others] = decoder.decode(chunk, { stream: true }).split('\n');
    pieces.push(first);
    length += first.length;
    for (const next of others) {
      const line = pieces.join('');
      if (line !== '') yield parseLine(line);
      pieces = [next];
      length = next.length;
    }
    if (length > MAX_LINE_LENGTH)
      throw new WatchLineError('a line of the watch is longer than any object can be');
  }
}

/** An object is 1.5 MiB at most in etcd; as JSON with escapes it may grow. */
const MAX_LINE_LENGTH = 16 * 1024 * 1024;

function parseLine(line: string): WatchEvent {
  let event: WatchEvent;
  try {
    event = JSON.parse(line) as WatchEvent;
  } catch {
    throw new WatchLineError('a line of the watch is not JSON');
  }
  if (!TYPES.has(event?.type) || typeof event.object !== 'object' || event.object === null) {
    throw new WatchLineError('a line of the watch is no event');
  }
  return event;
}

/** The version that an event brings. @throws {WatchLineError} when it brings none */
export function versionOf(raw: unknown): string {
  const version = (raw as { metadata?: { resourceVersion?: unknown } }).metadata?.resourceVersion;
  if (typeof version !== 'string' || version === '')
    throw new WatchLineError('an event without a resourceVersion');
  return version;
}

/** The Status of an ERROR event as an error. */
export function watchError(resource: Resource, status: unknown): ApiError {
  const { code, reason, details } = status as {
    code?: number;
    reason?: string;
    details?: { retryAfterSeconds?: number };
  };
  return new ApiError(
    `WATCH ${resource.plural}: ended by the server with ${code ?? 'an error'} ${reason ?? ''}`,
    {
      code: code ?? 500,
      statusReason: reason ?? '',
      objectMissing: false,
      retryAfterMs: retryAfterMs(details?.retryAfterSeconds),
    },
  );
}
