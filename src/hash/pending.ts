import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { upTo } from '../growing-cache.ts';
import type { HashAlgorithm } from './algorithms.ts';
import { HashChecks } from './checks.ts';
import { HasherClosedError } from './errors.ts';
import { hashNow, isSlow } from './formats.ts';
import type { Hasher } from './hasher.ts';
import { acceptsSecret } from './limits.ts';

const DEFAULT_MAX_ENTRIES = 10_000;
const RETRY_BASE_MS = 1_000;
const RETRY_MAX_MS = 60_000;

/** What to hash: a token's UID, and the algorithm and value that its hash has to be of. */
export interface HashRequest {
  readonly id: string;
  readonly algorithm: HashAlgorithm;
  readonly value: string;
  /** Whose turn it is, where many wait: a cluster, and of it a user, as `cluster/user`. */
  readonly group?: string;
}

export interface HashStoreOptions {
  /** Finished hashes remembered, the least recently used dropped first; 10,000 unless given. */
  maxEntries?: number;
  /** Told of each failed try; the error holds no secret. */
  onError?: (id: string, error: unknown) => void;
}

interface Work {
  readonly digest: string;
  readonly abort: AbortController;
  readonly waiters: Set<() => void>;
  retryTimer?: NodeJS.Timeout;
}

/**
 * Hashes in the making: starts one per (id, algorithm, value) at most, remembers the result, and tells when it is there.
 *
 * A result stays until another value or algorithm is asked for under its id, it is forgotten, or
 * `maxEntries` push it out; so a write that failed is repeated with the same hash. Values are not kept: requests
 * are told apart by a digest under a key of this store only.
 */
export class HashStore {
  /** Whether hashes that are there already are of the secrets that they should be of. */
  readonly checks: HashChecks;
  readonly #hasher: Hasher;
  readonly #onError: (id: string, error: unknown) => void;
  readonly #results: LRUCache<string, { digest: string; hash: string }>;
  readonly #work = new Map<string, Work>();
  readonly #failures = new Map<string, number>();
  /** As a KeyObject it is imported once; raw bytes are imported at each use, at six times the cost. */
  readonly #key = createSecretKey(randomBytes(32));

  constructor(hasher: Hasher, options: HashStoreOptions = {}) {
    this.#hasher = hasher;
    this.checks = new HashChecks(hasher);
    this.#onError = options.onError ?? (() => {});
    this.#results = new LRUCache(upTo(options.maxEntries ?? DEFAULT_MAX_ENTRIES));
  }

  /** Requests and checks without a result yet, those that wait for another try included. */
  get pending(): number {
    return this.#work.size + this.checks.pending;
  }

  /**
   * The hash when it is ready (at once where the algorithm is a fast one); otherwise undefined, and `ready` is called once, later,
   * when asking again is worth while: the hash is there, or a try failed. The second failure in a row
   * of an id and those after it are told after a growing delay of 1 s up to 60 s, so that asking
   * again does not spin.
   *
   * Asking for another value or algorithm under the same id replaces what was; who waited for that is told with the new one.
   */
  get(request: HashRequest, ready: () => void): string | undefined {
    const { id, algorithm, value } = request;
    const digest = this.#digest(algorithm, value);
    const result = this.#results.get(id);
    if (result?.digest === digest) return result.hash;

    const work = this.#work.get(id);
    if (work?.digest === digest) {
      work.waiters.add(ready);
      return undefined;
    }
    if (!isSlow(algorithm) && acceptsSecret(algorithm, value)) return this.#makeNow(request, digest);

    this.#start(request, digest, new Set(work?.waiters).add(ready));
    return undefined;
  }

  /** The hash when it is ready; looks only, and starts nothing. */
  made({ id, algorithm, value }: HashRequest): string | undefined {
    const result = this.#results.get(id);
    return result?.digest === this.#digest(algorithm, value) ? result.hash : undefined;
  }

  /** Drops a result that is of no more use and cancels its work; whoever waits is not told. */
  forget(id: string): void {
    this.#cancel(id);
    this.#results.delete(id);
    this.#failures.delete(id);
  }

  #makeNow({ id, algorithm, value }: HashRequest, digest: string): string {
    const waiters = this.#cancel(id)?.waiters;
    const hash = hashNow(algorithm, value);
    this.#results.set(id, { digest, hash });
    // Later, as ever: a caller must be able to rely on get() not calling back.
    if (waiters) queueMicrotask(() => this.#tell(id, waiters));
    return hash;
  }

  #start(request: HashRequest, digest: string, waiters: Set<() => void>): void {
    this.#cancel(request.id);
    this.#results.delete(request.id);
    const work: Work = { digest, abort: new AbortController(), waiters };
    this.#work.set(request.id, work);
    void this.#run(request, work);
  }

  async #run({ id, algorithm, value, group }: HashRequest, work: Work): Promise<void> {
    try {
      const hash = await this.#hasher.hash(algorithm, value, work.abort.signal, group);
      if (this.#work.get(id) !== work) return;
      this.#results.set(id, { digest: work.digest, hash });
      this.#failures.delete(id);
      this.#finish(id, work);
    } catch (error) {
      if (this.#work.get(id) === work) this.#fail(id, work, error);
    }
  }

  #fail(id: string, work: Work, error: unknown): void {
    if (error instanceof HasherClosedError) {
      this.#work.delete(id); // we are shutting down: nobody is to ask again
      return;
    }
    const failures = (this.#failures.get(id) ?? 0) + 1;
    this.#failures.set(id, failures);
    this.#onError(id, error);
    if (failures === 1) this.#finish(id, work);
    else work.retryTimer = setTimeout(() => this.#finish(id, work), retryDelayMs(failures)).unref();
  }

  #finish(id: string, work: Work): void {
    this.#work.delete(id);
    this.#tell(id, work.waiters);
  }

  #tell(id: string, waiters: ReadonlySet<() => void>): void {
    for (const ready of waiters) {
      try {
        ready();
      } catch (error) {
        this.#onError(id, error);
      }
    }
  }

  #cancel(id: string): Work | undefined {
    const work = this.#work.get(id);
    this.#work.delete(id);
    clearTimeout(work?.retryTimer);
    work?.abort.abort();
    return work;
  }

  #digest(algorithm: HashAlgorithm, value: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([algorithm, value]))
      .digest('base64');
  }
}

/** Milliseconds before the caller is told of the n-th failure in a row (n from 2 on). */
function retryDelayMs(failures: number): number {
  return Math.min(RETRY_BASE_MS * 2 ** (failures - 2), RETRY_MAX_MS);
}
