import type { Identified } from '../api/types.ts';
import { ApiError, isGone, RolledBackError } from '../errors.ts';
import type { WatchEnd } from '../telemetry/watch-ends.ts';
import { backoffMs, pause, type Random } from './backoff.ts';
import { checkHistory } from './history.ts';
import { type Listed, MAX_BYTES, MAX_OBJECTS } from './listing.ts';
import { Lists } from './lists.ts';
import { isOfAnotherHistory, mergeList } from './merge-list.ts';
import { Position } from './position.ts';
import { DEFAULT_TIMING, type ReflectorOptions, type ReflectorTiming } from './reflector-options.ts';
import { connectionError } from './transport.ts';
import { isCounted, isOlder } from './versions.ts';
import { versionOf, type WatchEvent, WatchLineError, watchError, watchEvents } from './watch-lines.ts';

/** A watch that ends sooner than this, again and again, must not become a tight loop. */
const SHORT_WATCH_MS = 1_000;
/** So long the events of a watch that was just opened wait for the check of the plane. Then they count, and it may end them. */
const CHECK_PATIENCE_MS = 2_000;

/**
 * List + watch of one kind, for ever, into a store.
 *
 * Never gives up, never trusts a gap: every fault ends in a resume from the last seen version or in a list
 * that is diffed against the store. A partial or failed list never reaches the store.
 *
 * Never takes silence for agreement: an API server accepts a watch from a version that its plane has not reached (its etcd was
 * put back from a backup) and tells nothing. So the version of the plane is asked at each opening, and a watch that could not
 * be opened, or was cut before it told anything, is no ground to resume from.
 */
export class Reflector<T extends Identified> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #random: Random;
  readonly #lists: Lists<T>;
  readonly #stopping = new AbortController();
  readonly #synced = Promise.withResolvers<void>();
  readonly #position = new Position();
  #listedAtMs = Number.NEGATIVE_INFINITY;
  #hasSynced = false;
  /** Of the present turn: its watch was opened; the server told something through it. */
  #opened = false;
  #told = false;
  /** What list and watch brought since the last list began. */
  #bytes = 0;
  #wasGone = false;
  /** What the watch told to be deleted since a list was begun beside it: version by key. */
  #deletedMeanwhile: Map<string, string> | undefined;
  /** Who waits for a list that has not begun yet. */
  #waiting: (() => void)[] = [];
  /** Ends what the present turn waits for: its watch, or its backoff. */
  #interrupt = new AbortController();
  #running: Promise<void> | undefined;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#timing = { ...DEFAULT_TIMING, ...options.timing };
    this.#random = options.random ?? Math.random;
    this.#lists = new Lists(options);
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

  /**
   * As {@link refresh}, beside the watch, which goes on telling what changes meanwhile. Where that list fails, it is refreshed.
   */
  async catchUp(): Promise<void> {
    const [listedAtMs, position] = [this.#listedAtMs, this.#position];
    const { resumeFrom, furthest } = position;
    if (!this.#hasSynced || resumeFrom === undefined) return this.refresh();
    const deletedMeanwhile = new Map<string, string>();
    this.#deletedMeanwhile = deletedMeanwhile;
    const listed = await this.#listBeside().catch(() => undefined);
    // Another one may have begun meanwhile, or everything was listed: what this one knows of deletions is then not all.
    const isLatest = this.#deletedMeanwhile === deletedMeanwhile;
    if (isLatest) this.#deletedMeanwhile = undefined;
    const isWhole = isLatest && this.#listedAtMs === listedAtMs;
    // A plane that went back has lost what is held here, and only a list in its place can say what.
    const isForwards =
      listed && isCounted(listed.resourceVersion) && !isOlder(listed.resourceVersion, furthest);
    if (!isWhole || !isForwards || isOfAnotherHistory(this.#options.store, listed)) return this.refresh();
    if (!mergeList(this.#options.store, listed, deletedMeanwhile)) return this.refresh();
    position.merged(listed.resourceVersion);
  }

  async #listBeside(): Promise<Listed<T>> {
    const listed = await this.#lists.all(this.#stopping.signal);
    await this.#options.plane?.verify(true, listed.besideWatches);
    return listed;
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
      const isDue = performance.now() - this.#listedAtMs > this.#timing.relistMs;
      if (isDue || this.#waiting.length > 0) this.#position.lose();
    }
  }

  /** One list (where needed) and one watch, until `signal` ends them. @returns failures in a row, this turn included */
  async #turn(failures: number, signal: AbortSignal): Promise<number> {
    const startedAtMs = performance.now();
    let fault: unknown;
    [this.#opened, this.#told] = [false, false];
    try {
      if (this.#position.resumeFrom === undefined) await this.#listForAll(signal);
      await this.#watch(signal);
    } catch (error) {
      fault = error;
    }
    if (signal.aborted) return failures;
    const lastedMs = performance.now() - startedAtMs;
    const worked = this.#opened && lastedMs >= SHORT_WATCH_MS;
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
    const end = endOf(error);
    // A server that is too busy to open a watch is there, and a list would be one more burden.
    const isBusy = error instanceof ApiError && error.code === 429;
    if (end === 'rolled-back') this.#position.wentBack();
    else if (end !== 'error' || !(this.#told || isBusy)) this.#position.lose();
    observer?.restarted?.(end);
    if (end === 'error') observer?.failed?.(error, failures);
  }

  async #backOff(failures: number, error: unknown, signal: AbortSignal): Promise<void> {
    const { backoffBaseMs, backoffMaxMs } = this.#timing;
    // A 410 after anything else is no fault of the server's load: list at once.
    const isGap = isGone(error) || error instanceof RolledBackError;
    if (isGap && !this.#wasGone) {
      this.#wasGone = true;
      return;
    }
    this.#wasGone = isGap;
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
    const { store, plane, observer } = this.#options;
    const listed = await this.#lists.all(signal);
    // What another cluster lacks was not deleted here. Where nothing is held yet, what is known already of that connection will do.
    await plane?.verify(this.#hasSynced || listed.besideWatches, listed.besideWatches);
    const isPutBack = this.#position.isAheadOf(listed.resourceVersion) || isOfAnotherHistory(store, listed);
    const corrections = store.replace(listed.items, isPutBack);
    if (isPutBack) observer?.putBack?.();
    if (this.#hasSynced && corrections > 0) observer?.corrected?.(corrections);
    this.#position.listed(listed.resourceVersion);
    this.#bytes = listed.bytes;
    this.#listedAtMs = performance.now();
    this.#hasSynced = true;
    this.#synced.resolve();
    observer?.succeeded?.();
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, resource, observer } = this.#options;
    const timeoutSeconds = Math.max(1, Math.round(this.#timing.watchSeconds * (1 - 0.2 * this.#random())));
    const deadline = AbortSignal.timeout(timeoutSeconds * 1000 + this.#timing.graceMs);
    const resourceVersion = this.#position.resumeFrom ?? '';
    const distrust = new AbortController();
    const either = AbortSignal.any([signal, deadline, distrust.signal]);
    const known = { ...this.#options, witness: this.#witness() };
    const checked = checkHistory(known, this.#position.furthest, either, distrust);
    try {
      const options = { ...this.#options, resourceVersion, timeoutSeconds };
      const stream = await client.watch(resource, options, either);
      this.#opened = true;
      await this.#follow(stream.body, checked, distrust.signal);
      observer?.restarted?.('timeout');
    } catch (error) {
      if (distrust.signal.aborted) throw distrust.signal.reason;
      if (error instanceof ApiError || error instanceof WatchLineError) throw error;
      if (!deadline.aborted || signal.aborted) throw connectionError(`WATCH ${resource.plural}`, error);
      observer?.restarted?.('deadline');
      if (!this.#told) this.#position.lose();
    }
  }

  /** Any object will do. */
  #witness(): T | undefined {
    const { asksForWitness, store } = this.#options;
    return asksForWitness ? store.list().next().value : undefined;
  }

  /** Takes the events of one watch until its orderly end. @throws {WatchLineError | ApiError} and what the network throws */
  async #follow(
    body: AsyncIterable<Uint8Array>,
    checked: Promise<boolean>,
    distrust: AbortSignal,
  ): Promise<void> {
    const { observer } = this.#options;
    const settled = Promise.race([checked, pause(CHECK_PATIENCE_MS, distrust).then(() => false)]);
    for await (const event of watchEvents(this.#counted(body))) {
      await settled;
      distrust.throwIfAborted();
      this.#take(event);
      observer?.succeeded?.();
    }
    if (!(await Promise.race([checked, settled]))) return;
    // Everything up to its end was told, be it nothing.
    this.#told = true;
    observer?.succeeded?.();
  }

  /** The bytes of a watch, until there are so many that only a list can say how much of it is still there. */
  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    const { maxBytes = MAX_BYTES, maxObjects = MAX_OBJECTS, resource, store } = this.#options;
    for await (const chunk of body) {
      this.#bytes += chunk.length;
      if (this.#bytes > 2 * maxBytes || store.size > maxObjects) {
        throw new WatchLineError(`the watch of ${resource.plural} told more than is taken without a list`);
      }
      yield chunk;
    }
  }

  #take(event: WatchEvent): void {
    const { resource, store } = this.#options;
    if (event.type === 'ERROR') throw watchError(resource, event.object);
    const version = versionOf(event.object);
    if (this.#position.isBehind(version)) {
      throw new WatchLineError('an event that is older than what was told before');
    }
    if (event.type !== 'BOOKMARK' && this.#position.isNews(version)) {
      const object = this.#parsed(event.object);
      if (event.type === 'DELETED') {
        this.#deletedMeanwhile?.set(store.keyOf(object), version);
        store.remove(object);
      } else store.put(object);
    }
    // Only now: a resume must not start behind an event that never reached the store.
    this.#position.told(version);
    this.#told = true;
  }

  #parsed(raw: unknown): T {
    try {
      return this.#options.parse(raw);
    } catch (error) {
      throw new WatchLineError('an event without a usable object', { cause: error });
    }
  }
}

/** Why a watch that failed has to be begun anew; `error` where it may be resumed. */
function endOf(error: unknown): WatchEnd {
  if (isGone(error) || error instanceof WatchLineError) return isGone(error) ? 'expired' : 'bad-line';
  return error instanceof RolledBackError ? 'rolled-back' : 'error';
}
