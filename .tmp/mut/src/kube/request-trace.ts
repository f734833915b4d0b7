import { subscribe, unsubscribe } from 'node:diagnostics_channel';

/** What undici tells of a request. Its headers and bodies are there as well, and are looked at by nobody. */
interface Told {
  readonly request: object & { readonly method: string; readonly origin?: unknown; readonly path: string };
  readonly response?: { readonly statusCode: number };
  readonly error?: unknown;
}

const CREATE = 'undici:request:create';
const HEADERS = 'undici:request:headers';
const ERROR = 'undici:request:error';

/**
 * Tells every request that this process makes from now on, once its answer begins: method, address, status, time.
 *
 * @param options.withQuery - selectors and page tokens, too
 * @param options.tell - one line; names in it come from clusters
 * @returns ends it
 */
export function traceRequests(options: {
  readonly withQuery: boolean;
  readonly tell: (line: string) => void;
}): () => void {
  const began = new WeakMap<object, number>();
  const end = (request: Told['request'], what: string): void => {
    const atMs = began.get(request);
    // One whose answer breaks off was told already.
    if (atMs === undefined) return;
    began.delete(request);
    const path = options.withQuery ? request.path : (request.path.split('?')[0] ?? '');
    const ms = Math.round(performance.now() - atMs);
    options.tell(`${request.method} ${String(request.origin ?? '')}${path} ${what} in ${ms} ms`);
  };
  const onCreate = (message: unknown): void => void began.set((message as Told).request, performance.now());
  const onHeaders = (message: unknown): void => {
    const { request, response } = message as Told;
    end(request, String(response?.statusCode));
  };
  const onError = (message: unknown): void => {
    const { request, error } = message as Told;
    end(request, `no answer (${nameOf(error)})`);
  };
  subscribe(CREATE, onCreate);
  subscribe(HEADERS, onHeaders);
  subscribe(ERROR, onError);
  return () => {
    unsubscribe(CREATE, onCreate);
    unsubscribe(HEADERS, onHeaders);
    unsubscribe(ERROR, onError);
  };
}

/** Its code or name: the message of a foreign error may quote what was sent. */
function nameOf(error: unknown): string {
  const { code, name } = (error ?? {}) as { code?: unknown; name?: unknown };
  return String(code ?? name ?? 'unknown');
}
