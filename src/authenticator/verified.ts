import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';

export interface VerifiedOptions {
  /** Remembered right secrets; and as many wrong ones, apart, so that no guessing pushes a right one out. */
  readonly maxEntries: number;
  verify(secret: string, hash: string): Promise<boolean>;
  /** Whether checking against this hash is slow by design. */
  isSlow(hash: string): boolean;
}

/** Too many slow checks of one name are under way. The caller cannot know, and says so: it never refuses for it. */
export class BusyError extends Error {
  override readonly name = 'BusyError';
}

/**
 * How many different secrets of one name may wait for a slow check: as many as are done with before an API server gives
 * up on its webhook (30 s). Fewer would make it easy to crowd out the right one.
 */
const MAX_WAITING_PER_NAME = 100;

/**
 * Which bearer matched which hash. Nothing else is remembered: everything that can change (enabled, expiry, user, the
 * hash itself) is looked up at each request, so a revocation needs no invalidation to be in force at once.
 *
 * Slow checks of one name are made one at a time: guessing at one token's secret occupies one thread at most, and the
 * right secret, once known, needs no check at all.
 */
export class VerifiedSecrets {
  readonly #options: VerifiedOptions;
  /** A key object: with plain bytes each HMAC would first make one of them, which takes six times as long. */
  readonly #key = createSecretKey(randomBytes(32));
  /** By digest of name and secret: the hash that it matched, and the one that it did not. */
  readonly #right: LRUCache<string, string>;
  readonly #wrong: LRUCache<string, string>;
  readonly #running = new Map<string, Promise<boolean>>();
  readonly #lines = new Map<string, { tail: Promise<unknown>; waiting: number }>();
  hits = 0;
  misses = 0;

  constructor(options: VerifiedOptions) {
    this.#options = options;
    this.#right = new LRUCache({ max: options.maxEntries });
    this.#wrong = new LRUCache({ max: options.maxEntries });
  }

  get size(): number {
    return this.#right.size + this.#wrong.size;
  }

  /**
   * Whether `secret` is the one of `hash`.
   *
   * @throws {BusyError | HashQueueFullError} when it cannot be found out now
   */
  async matches(name: string, secret: string, hash: string): Promise<boolean> {
    const id = this.#digest(name, secret);
    const isRight = this.#right.get(id) === hash;
    if (isRight || this.#wrong.get(id) === hash) {
      this.hits += 1;
      return isRight;
    }
    this.misses += 1;
    const running = `${id}/${hash}`;
    const shared = this.#running.get(running);
    if (shared) return shared;
    const check = this.#check(name, secret, hash).finally(() => this.#running.delete(running));
    this.#running.set(running, check);
    const matches = await check;
    (matches ? this.#right : this.#wrong).set(id, hash);
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

  /**
   * Under a key of this process: what lies in memory is no use to whoever reads it. In UTF-16, because in UTF-8 all
   * lone surrogates are one character, and different secrets must not be taken for one another.
   */
  #digest(name: string, secret: string): string {
    return createHmac('sha256', this.#key)
      .update(name)
      .update('\0')
      .update(secret, 'utf16le')
      .digest('base64');
  }
}
