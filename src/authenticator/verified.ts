import { createHmac, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

export interface VerifiedOptions {
  /** Remembered results of either kind. */
  readonly maxEntries: number;
  verify(secret: string, hash: string): Promise<boolean>;
  /** Whether checking against this hash is slow by design. */
  isSlow(hash: string): boolean;
}

/** Too many slow checks of one name are under way. The caller cannot know, and says so: it never refuses for it. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

/** How many different secrets of one name may wait for a slow check. */
const MAX_WAITING_PER_NAME = 20;

/**
 * Which bearer matched which hash. Nothing else is remembered: everything that can change (enabled, expiry, user, the
 * hash itself) is looked up at each request, so a revocation needs no invalidation to be in force at once.
 *
 * Slow checks of one name are made one at a time: guessing at one token's secret occupies one thread at most, and the
 * right secret, once known, needs no check at all.
 */
export class VerifiedSecrets {
  readonly #options: VerifiedOptions;
  readonly #key = randomBytes(32);
  readonly #results: LRUCache<string, { hash: string; matches: boolean }>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #lines = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  hits = 0;
  misses = 0;

  constructor(options: VerifiedOptions) {
    this.#options = options;
    this.#results = new LRUCache({ max: options.maxEntries });
  }

  get size(): number {
    return this.#results.size;
  }

  /**
   * Whether `secret` is the one of `hash`.
   *
   * @throws {BusyError | HashQueueFullError} when it cannot be found out now
   */
  async matches(name: string, secret: string, hash: string): Promise<boolean> {
    const id = this.#digest(name, secret);
    const known = this.#results.get(id);
    if (known?.hash === hash) {
      this.hits += 1;
      return known.matches;
    }
    this.misses += 1;
    const running = `${id}/${hash}`;
    const shared = this.#running.get(running);
    if (shared) return shared;
    const check = this.#check(name, secret, hash).finally(() => this.#running.delete(running));
    this.#running.set(running, check);
    const matches = await check;
    this.#results.set(id, { hash, matches });
    return matches;
  }

  #check(name: string, secret: string, hash: string): Promise<boolean> {
    if (!this.#options.isSlow(hash)) return this.#options.verify(secret, hash);
    const line = this.#lines.get(name) ?? { tail: Promise.resolve(), waiting: 0 };
    if (line.waiting >= MAX_WAITING_PER_NAME)
      return Promise.reject(new BusyError('too many checks of one token'));
    line.waiting += 1;
    const turn = line.tail.then(() => this.#options.verify(secret, hash));
    line.tail = turn
      .catch(() => false)
      .finally(() => {
        line.waiting -= 1;
        if (line.waiting === 0) this.#lines.delete(name);
      });
    this.#lines.set(name, line);
    return turn;
  }

  /** Under a key of this process: what lies in memory is no use to whoever reads it. */
  #digest(name: string, secret: string): string {
    return createHmac('sha256', this.#key).update(name).update('\0').update(secret).digest('base64');
  }
}
