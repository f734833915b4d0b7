import { FIELD_MANAGER, type Resource } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import { isHeldBack, isObjectMissing } from '../errors.ts';
import { apiError, unreadable } from './classify.ts';
import type { Fence } from './fence.ts';
import { collectionPath, type ObjectKey, objectPath } from './paths.ts';
import type { RequestOptions, Stream, Transport } from './transport.ts';

export interface ListOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly limit?: number;
  readonly continue?: string;
  /** A larger answer is refused. 256 MiB without it. */
  readonly maxBytes?: number;
  readonly signal?: AbortSignal;
  readonly besideWatches?: RequestOptions['besideWatches'];
  readonly onData?: RequestOptions['onData'];
}

export interface WatchOptions {
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  readonly timeoutSeconds: number;
  /** Where it begins. */
  readonly resourceVersion?: string;
  /** Begins with everything that is there, and a bookmark behind it. Newer API servers only. */
  readonly list?: boolean;
}

export interface ListPage {
  readonly items: readonly unknown[];
  readonly resourceVersion: string;
  readonly continue: string;
  /** Of the answer. */
  readonly bytes?: number;
}

export interface Reader {
  /** The live object; undefined when the server says that this one object does not exist. */
  get(key: ObjectKey): Promise<unknown | undefined>;
  list(resource: Resource, options?: ListOptions): Promise<ListPage>;
}

export interface Writer {
  create(resource: Resource, object: KubeObject, options?: WriteOptions): Promise<unknown>;
  /** Merge patch (RFC 7386). With `uid` an object that was replaced meanwhile is left alone (409). */
  patch(key: ObjectKey, patch: object, options?: PatchOptions): Promise<unknown>;
  /**
   * With `uid` an object that was replaced meanwhile is left alone (409).
   *
   * @returns undefined when it is gone; the object when someone's finalizer holds it
   */
  delete(key: ObjectKey, options: WriteOptions & { uid: string }): Promise<unknown | undefined>;
}

export interface WriteOptions {
  /** The server does all but store it. */
  readonly dryRun?: boolean;
  /** Asked right before it is sent, after all that it has to wait for. Left out: it is. */
  readonly isStillDue?: (() => boolean) | undefined;
  /** Ends it; whether it was done is then not known. */
  readonly signal?: AbortSignal | undefined;
}

interface PatchOptions extends WriteOptions {
  readonly subresource?: 'status';
}

/** Called for each answered request: verb, HTTP status (0 for none), and when the server says it is. */
export type RequestObserver = (verb: string, code: number, date?: string) => void;

/** Reads and writes of one API server, as plain JSON. Throws ApiError, ConnectionError, FencedError or OvertakenError and nothing else. */
export class KubeClient implements Reader, Writer {
  readonly #transport: Transport;
  readonly #observe: RequestObserver;
  readonly #mayWrite: Fence | undefined;

  /** @param mayWrite - a fence for this client alone, within that of the transport */
  constructor(transport: Transport, observe: RequestObserver = () => {}, mayWrite?: Fence) {
    this.#transport = transport;
    this.#observe = observe;
    this.#mayWrite = mayWrite;
  }

  /** How many connections were made for watches so far: each may lead elsewhere. */
  get watchConnections(): number {
    return this.#transport.watchConnections;
  }

  /** See {@link Transport.leaveConnections}. */
  leaveConnections(): void {
    this.#transport.leaveConnections();
  }

  /** The same way, with a fence of its own: for what concerns one of many that others may write for. */
  within(mayWrite: Fence): KubeClient {
    return new KubeClient(this.#transport, this.#observe, mayWrite);
  }

  async get(
    key: ObjectKey,
    { besideWatches }: Pick<RequestOptions, 'besideWatches'> = {},
  ): Promise<unknown | undefined> {
    try {
      return await this.#send('GET', objectPath(key), { besideWatches });
    } catch (error) {
      if (isObjectMissing(error)) return undefined;
      throw error;
    }
  }

  async list(resource: Resource, options: ListOptions = {}): Promise<ListPage> {
    const query = new URLSearchParams();
    if (options.limit) query.set('limit', String(options.limit));
    if (options.continue) query.set('continue', options.continue);
    if (options.labelSelector) query.set('labelSelector', options.labelSelector);
    if (options.fieldSelector) query.set('fieldSelector', options.fieldSelector);
    const path = `${collectionPath(resource, options.namespace)}?${query}`;
    const { maxBytes = MAX_LIST_BYTES, signal, besideWatches, onData } = options;
    const sizes = { bytes: 0 };
    const body = await this.#send('GET', path, { signal, maxBytes, sizes, besideWatches, onData });
    return { ...listPage(path, body), bytes: sizes.bytes };
  }

  create(resource: Resource, object: KubeObject, options: WriteOptions = {}): Promise<unknown> {
    const path = `${collectionPath(resource, object.metadata.namespace)}?${writeQuery(options)}`;
    const { isStillDue, signal } = options;
    return this.#send('POST', path, { body: object, isStillDue, signal });
  }

  /** Replaces an object that is all ours, if it still has the resourceVersion that it carries; else 409. */
  update(
    resource: Resource,
    object: KubeObject,
    { signal }: Pick<WriteOptions, 'signal'> = {},
  ): Promise<unknown> {
    const { name, namespace } = object.metadata;
    const path = objectPath({ resource, namespace, name });
    return this.#send('PUT', `${path}?fieldManager=${FIELD_MANAGER}`, { body: object, signal });
  }

  patch(key: ObjectKey, patch: object, options: PatchOptions = {}): Promise<unknown> {
    const suffix = options.subresource ? `/${options.subresource}` : '';
    return this.#send('PATCH', `${objectPath(key)}${suffix}?${writeQuery(options)}`, {
      body: patch,
      contentType: 'application/merge-patch+json',
      isStillDue: options.isStillDue,
      signal: options.signal,
    });
  }

  async delete(key: ObjectKey, options: WriteOptions & { uid: string }): Promise<unknown | undefined> {
    try {
      const answer = await this.#send('DELETE', objectPath(key), {
        signal: options.signal,
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid: options.uid },
          ...(options.dryRun ? { dryRun: ['All'] } : {}),
        },
      });
      return isHeld(answer) ? answer : undefined;
    } catch (error) {
      if (!isObjectMissing(error)) throw error;
      return undefined;
    }
  }

  /**
   * Opens a watch. The caller reads the lines.
   *
   * @param signal - ends the watch
   */
  async watch(resource: Resource, options: WatchOptions, signal: AbortSignal): Promise<Stream> {
    const query = new URLSearchParams({
      watch: '1',
      allowWatchBookmarks: 'true',
      timeoutSeconds: String(options.timeoutSeconds),
    });
    if (options.resourceVersion !== undefined) query.set('resourceVersion', options.resourceVersion);
    if (options.list) {
      query.set('sendInitialEvents', 'true');
      query.set('resourceVersionMatch', 'NotOlderThan');
    }
    if (options.labelSelector) query.set('labelSelector', options.labelSelector);
    if (options.fieldSelector) query.set('fieldSelector', options.fieldSelector);
    const path = collectionPath(resource, options.namespace);
    const stream = await this.#transport.stream(`${path}?${query}`, signal).catch((error: unknown) => {
      if (!signal.aborted) this.#observe('watch', 0);
      throw error;
    });
    this.#observe('watch', stream.status);
    if (stream.status === 401) await this.#transport.refreshCredentials();
    if (stream.status !== 200) throw apiError(`WATCH ${path}`, { ...stream, text: await refusalOf(stream) });
    return stream;
  }

  async #send(
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    path: string,
    options: SendOptions = {},
    retried = false,
  ): Promise<unknown> {
    const reply = await this.#transport
      .request(method, path, {
        ...(options.body ? { body: JSON.stringify(options.body) } : {}),
        ...(options.body ? { contentType: options.contentType ?? 'application/json' } : {}),
        signal: options.signal,
        maxBytes: options.maxBytes,
        isStillDue: options.isStillDue,
        besideWatches: options.besideWatches,
        onData: options.onData,
        mayWrite: this.#mayWrite,
      })
      .catch((error: unknown) => {
        // What the fence held back is no request.
        if (!isHeldBack(error)) this.#observe(method.toLowerCase(), 0);
        throw error;
      });
    this.#observe(method.toLowerCase(), reply.status, reply.date);
    if (reply.status === 401 && !retried) {
      // The credential may have been rotated on disk: one reload, one more try.
      await this.#transport.refreshCredentials();
      return this.#send(method, path, options, true);
    }
    const request = `${method} ${path.split('?')[0]}`;
    if (options.sizes) options.sizes.bytes = reply.bytes;
    if (reply.status < 200 || reply.status > 299) throw apiError(request, reply);
    return parseBody(request, reply.text);
  }
}

interface SendOptions {
  readonly body?: object;
  readonly contentType?: string;
  readonly signal?: AbortSignal | undefined;
  readonly maxBytes?: number;
  readonly isStillDue?: (() => boolean) | undefined;
  readonly besideWatches?: boolean | undefined;
  readonly onData?: RequestOptions['onData'];
  /** Told the length of the answer. */
  readonly sizes?: { bytes: number };
}

const MAX_LIST_BYTES = 256 * 1024 * 1024;

/** A refusal that breaks off is one without words. */
function refusalOf(stream: Stream): Promise<string> {
  return stream.refusal().catch(() => '');
}

function writeQuery({ dryRun }: WriteOptions): string {
  return `fieldManager=${FIELD_MANAGER}${dryRun ? '&dryRun=All' : ''}`;
}

function parseBody(request: string, text: string): unknown {
  try {
    return text === '' ? {} : JSON.parse(text);
  } catch {
    throw unreadable(request, 'the answer is not JSON');
  }
}

/** What was deleted at once is answered with a Status, or with the object as it was. */
function isHeld(answer: unknown): boolean {
  const { metadata } = answer as { metadata?: { deletionTimestamp?: unknown; finalizers?: unknown } };
  return (
    Boolean(metadata?.deletionTimestamp) &&
    Array.isArray(metadata?.finalizers) &&
    metadata.finalizers.length > 0
  );
}

/** A success whose body is no list must never be read as "there are none". */
function listPage(path: string, body: unknown): ListPage {
  const { metadata, items } = body as {
    metadata?: { resourceVersion?: unknown; continue?: unknown };
    items?: unknown;
  };
  const version = metadata?.resourceVersion;
  if (typeof version !== 'string' || version === '' || !(Array.isArray(items) || items === null)) {
    throw unreadable(`GET ${path.split('?')[0]}`, 'the answer is no list');
  }
  const next = metadata?.continue;
  return { items: items ?? [], resourceVersion: version, continue: typeof next === 'string' ? next : '' };
}
