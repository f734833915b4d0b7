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
  let rest = '';
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield parseLine(line);
  }
}

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
