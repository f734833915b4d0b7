import type { Resource } from '../api/names.ts';
import type { Identified } from '../api/types.ts';
import { ApiError, isGone } from '../errors.ts';
import type { WatchEnd } from '../telemetry/watch-ends.ts';
import { backoffMs, pause, type Random } from './backoff.ts';
import { retryAfterMs } from './classify.ts';
import type { KubeClient, ListPage } from './client.ts';
import type { Store } from './store.ts';
import { connectionError } from './transport.ts';
import { type WatchEvent, WatchLineError, watchEvents } from './watch-lines.ts';

/** What a reflector tells its owner; all optional to act upon. */
export interface ReflectorObserver {
  /** A list or watch failed; it will be tried again. `failures` counts those in a row. */
  failed(error: unknown, failures: number): void;
  /** A list arrived, or a watch was opened. */
  succeeded(): void;
  /** A relist found differences that the watch should have told. */
  corrected(count: number): void;
  /** A watch ended and will be resumed or relisted. */
  restarted(reason: WatchEnd): void;
}

export interface ReflectorOptions<T extends Identified> {
  readonly client: KubeClient;
  readonly resource: Resource;
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  readonly fieldSelector?: string | undefined;
  /** Objects in one page of a list; 500 unless given. */
  readonly pageLimit?: number;
  readonly parse: (raw: unknown) => T;
  readonly store: Store<T>;
  readonly observer?: Partial<ReflectorObserver>;
  readonly random?: Random;
  readonly timing?: Partial<ReflectorTiming>;
}

export interface ReflectorTiming {
  /** A watch asks the server to end it after this long (up to a fifth less, at random); it is then resumed. */
  readonly watchSeconds: number;
  /** A watch that outlives that by so much is half-open: we end it. */
  readonly graceMs: number;
  /** Even a watch that never failed is checked against a list this often. */
  readonly relistMs: number;
  readonly backoffBaseMs: number;
  readonly backoffMaxMs: number;
}

const DEFAULT_TIMING: ReflectorTiming = {
  watchSeconds: 45,
  graceMs: 15_000,
  relistMs: 10 * 60_000,
  backoffBaseMs: 500,
  backoffMaxMs: 30_000,
};
const PAGE_LIMIT = 500;
/** A watch that ends sooner than this, again and again, must not become a tight loop. */
const SHORT_WATCH_MS = 1_000;

/**
 * List + watch of one kind, for ever, into a store.
 *
 * Never gives up, never trusts a gap: every fault ends in a resume from the last seen version or in a list
 * that is diffed against the store. A partial or failed list never reaches the store.
 */
export class Reflector<T extends Identified> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #random: Random;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  #resourceVersion: string | undefined;
  #listedAtMs = 0;
  #hasSynced = false;
  #watchOpened = false;
  #wasGone = false;
  /** Who waits for a list that has not begun yet. */
  #waiting: (() => void)[] = [];
  /** Ends what the present turn waits for: its watch, or its backoff. */
  #interrupt = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#random = options.random ?? Math.random;
  }

  /** True once the first full list is in the store. */
  get hasSynced(): boolean {
    return this.#hasSynced;
  }

  /** Resolves when the first full list is in the store. */
  get synced(): Promise<void> {
    return this.#synced.promise;
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /**
   * Lists at once, on whatever connection works: a watch may hang without saying so. Resolves when a list that began after this
   * call is in the store; never when the reflector is stopped before.
   */
  refresh(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#interrupt.abort();
    });
  }

  /** Ends list and watch; resolves when nothing more will reach the store. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    while (!signal.aborted) {
      this.#interrupt = new AbortController();
      failures = await this.#turn(failures, AbortSignal.any([signal, this.#interrupt.signal]));
      const isDue = Date.now() - this.#listedAtMs > this.#timing.relistMs;
      if (isDue || this.#waiting.length > 0) this.#resourceVersion = undefined;
    }
  }

  /** One list (where needed) and one watch, until `signal` ends them. @returns failures in a row, this turn included */
  async #turn(failures: number, signal: AbortSignal): Promise<number> {
    const startedAtMs = Date.now();
    let fault: unknown;
    this.#watchOpened = false;
    try {
      if (this.#resourceVersion === undefined) await this.#listForAll(signal);
      await this.#watch(signal);
    } catch (error) {
      fault = error;
    }
    if (signal.aborted) return failures;
    const lastedMs = Date.now() - startedAtMs;
    const worked = this.#watchOpened && lastedMs >= SHORT_WATCH_MS;
    if (worked) this.#wasGone = false;
    if (fault === undefined && lastedMs >= SHORT_WATCH_MS) return 0;
    // A watch that worked for a while and was cut then is no sign of trouble getting through.
    const inARow = worked ? 1 : failures + 1;
    if (fault !== undefined) this.#afterFailure(fault, inARow);
    await this.#backOff(inARow, fault, signal);
    return inARow;
  }

  #afterFailure(error: unknown, failures: number): void {
    const observer = this.#options.observer;
    if (isGone(error) || error instanceof WatchLineError) {
      this.#resourceVersion = undefined;
      observer?.restarted?.(isGone(error) ? 'expired' : 'bad-line');
      return;
    }
    observer?.restarted?.('error');
    observer?.failed?.(error, failures);
  }

  async #backOff(failures: number, error: unknown, signal: AbortSignal): Promise<void> {
    const { backoffBaseMs, backoffMaxMs } = this.#timing;
    // A 410 after anything else is no fault of the server's load: list at once.
    if (isGone(error) && !this.#wasGone) {
      this.#wasGone = true;
      return;
    }
    this.#wasGone = isGone(error);
    const asked = error instanceof ApiError ? error.retryAfterMs : undefined;
    const own = backoffMs(failures, backoffBaseMs, backoffMaxMs, this.#random);
    await pause(Math.max(asked ?? 0, own), signal);
  }

  /** One list, for all who were waiting for one before it began. */
  async #listForAll(signal: AbortSignal): Promise<void> {
    const waiting = this.#waiting.splice(0);
    try {
      await this.#list(signal);
      for (const resolve of waiting.splice(0)) resolve();
    } finally {
      this.#waiting.unshift(...waiting);
    }
  }

  async #list(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector, parse, store, observer } =
      this.#options;
    const limit = this.#options.pageLimit ?? PAGE_LIMIT;
    const items: T[] = [];
    let page: ListPage | undefined;
    do {
      page = await client.list(resource, {
        namespace,
        labelSelector,
        fieldSelector,
        limit,
        signal,
        ...(page ? { continue: page.continue } : {}),
      });
      // All pages of one list are of one version; a continue that expired throws 410 and starts afresh.
      for (const item of page.items) items.push(parse(item));
    } while (page.continue !== '');
    const corrections = store.replace(items);
    if (this.#hasSynced && corrections > 0) observer?.corrected?.(corrections);
    this.#resourceVersion = page.resourceVersion;
    this.#listedAtMs = Date.now();
    this.#hasSynced = true;
    this.#synced.resolve();
    observer?.succeeded?.();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, namespace, labelSelector, fieldSelector, observer } = this.#options;
    const timeoutSeconds = Math.max(1, Math.round(this.#timing.watchSeconds * (1 - 0.2 * this.#random())));
    const deadline = AbortSignal.timeout(timeoutSeconds * 1000 + this.#timing.graceMs);
    const resourceVersion = this.#resourceVersion ?? '';
    try {
      const either = AbortSignal.any([signal, deadline]);
      const options = { namespace, labelSelector, fieldSelector, resourceVersion, timeoutSeconds };
      const stream = await client.watch(resource, options, either);
      this.#watchOpened = true;
      observer?.succeeded?.();
      for await (const event of watchEvents(stream.body)) this.#take(event);
      observer?.restarted?.('timeout');
    } catch (error) {
      if (error instanceof ApiError || error instanceof WatchLineError) throw error;
      if (!deadline.aborted || signal.aborted) throw connectionError(`WATCH ${resource.plural}`, error);
      observer?.restarted?.('deadline');
    }
  }

  #take(event: WatchEvent): void {
    if (event.type === 'ERROR') throw watchError(this.#options.resource, event.object);
    const version = versionOf(event.object);
    if (event.type !== 'BOOKMARK') {
      const object = this.#parsed(event.object);
      if (event.type === 'DELETED') this.#options.store.remove(object);
      else this.#options.store.put(object);
    }
    // Only now: a resume must not start behind an event that never reached the store.
    this.#resourceVersion = version;
  }

  #parsed(raw: unknown): T {
    try {
      return this.#options.parse(raw);
    } catch (error) {
      throw new WatchLineError('an event without a usable object', { cause: error });
    }
  }
}

function versionOf(raw: unknown): string {
  const version = (raw as { metadata?: { resourceVersion?: unknown } }).metadata?.resourceVersion;
  if (typeof version !== 'string' || version === '')
    throw new WatchLineError('an event without a resourceVersion');
  return version;
}

function watchError(resource: Resource, status: unknown): ApiError {
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
