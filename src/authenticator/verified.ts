import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { upTo } from '../growing-cache.ts';
import { CheckQueue } from './check-queue.ts';

export interface VerifiedOptions {
  /** Remembered right secrets; and as many wrong ones, apart, so that no guessing pushes a right one out. */
  readonly maxEntries: number;
  /** Slow checks made at the same time. */
  readonly concurrency: number;
  /** Under which what is remembered is remembered; one of this process unless given. */
  readonly key?: KeyObject;
  verify(secret: string, hash: string): Promise<boolean>;
  /** Whether checking against this hash is slow by design. */
  isSlow(hash: string): boolean;
  /** A secret was found right for the first time. */
  onRight?(right: RightSecret): void;
  /** How long the answer to a guess is held back; milliseconds. */
  readonly holdMs?: number;
}

/** That some secret of a name matched some hash: digests under a key, which open nothing. */
export interface RightSecret {
  readonly name: string;
  readonly secretDigest: string;
  readonly hashDigest: string;
}

/** The hash itself, once it was seen in this process: comparing it costs nothing, and it is held anyway. */
type Right =
  | { readonly secretDigest: string; readonly hash: string }
  | { readonly secretDigest: string; readonly hash: undefined; readonly hashDigest: string };

/** So many wrong secrets in a row: the name is being guessed at. */
const GUESSES = 10;
/** For how long a name is taken to be guessed at after the last wrong secret. */
const GUESSING_MS = 10 * 60_000;
/**
 * Just less than an API server waits for its webhook (30 s). Three hundred who guess without pause then make some ten
 * guesses a second, fewer than one thread checks.
 */
const HOLD_MS = 28_000;
const MAX_HELD = 1_000;

const KNOWN = 0;
const FRESH = 1;
const GUESSED_AT = 2;

/**
 * Which bearer matched which hash. Nothing else is remembered: everything that can change (enabled, expiry, user, the
 * hash itself) is looked up at each request, so a revocation needs no invalidation to be in force at once.
 *
 * Whoever knows a name only must not keep its owner out. So a secret that was right needs no check, and any other one
 * of the same slow hash is wrong without one; checks of names that were right before come first, those of names that
 * are being guessed at last; and the answers to guesses are held back, so that guessing keeps no thread busy.
 */
export class VerifiedSecrets {
  readonly #options: VerifiedOptions;
  /** A key object: with plain bytes each HMAC would first make one of them, which takes six times as long. */
  readonly #key: KeyObject;
  /** By name. */
  readonly #right: LRUCache<string, Right>;
  /** By digest of name and secret: the hash that it did not match. */
  readonly #wrong: LRUCache<string, string>;
  /** Wrong secrets in a row, by name. */
  readonly #guesses: LRUCache<string, number>;
  readonly #running = new Map<string, { check: Promise<boolean>; waiters: (() => boolean)[] }>();
  readonly #queue: CheckQueue;
  readonly #held = new Set<() => void>();
  #holds = true;
  hits = 0;
  misses = 0;

  constructor(options: VerifiedOptions) {
    this.#options = options;
    this.#key = options.key ?? createSecretKey(randomBytes(32));
    this.#right = new LRUCache({ max: options.maxEntries });
    this.#wrong = new LRUCache(upTo(options.maxEntries));
    this.#guesses = new LRUCache({ ...upTo(options.maxEntries), ttl: GUESSING_MS });
    const { concurrency } = options;
    this.#queue = new CheckQueue({ concurrency, rankOf: (name) => this.#rankOf(name) });
  }

  get size(): number {
    return this.#right.size + this.#wrong.size;
  }

  /** Slow checks that wait or run. */
  get queued(): number {
    return this.#queue.size;
  }

  /**
   * Whether `secret` is the one of `hash`.
   *
   * @param hasGone - whether the one who asks has given up
   * @throws {BusyError | HashQueueFullError} when it cannot be found out now
   */
  async matches(
    name: string,
    secret: string,
    hash: string,
    hasGone: () => boolean = () => false,
  ): Promise<boolean> {
    const id = this.#digest(name, secret);
    const known = this.#known(name, id, hash);
    if (known !== undefined) {
      this.hits += 1;
      return known;
    }
    this.misses += 1;
    const running = `${id}/${hash}`;
    const shared = this.#running.get(running);
    if (shared) {
      shared.waiters.push(hasGone);
      return shared.check;
    }
    const waiters = [hasGone];
    const check = this.#find(name, secret, id, hash, () => waiters.every((gone) => gone()));
    const forgotten = check.finally(() => this.#running.delete(running));
    this.#running.set(running, { check: forgotten, waiters });
    return forgotten;
  }

  /** Takes over what an earlier process had found right, under the same key. */
  restore(rights: Iterable<RightSecret>): void {
    for (const { name, secretDigest, hashDigest } of rights) {
      this.#right.set(name, { secretDigest, hashDigest, hash: undefined });
    }
  }

  /** What is remembered to be right at this moment, less what is forgotten before its turn comes. */
  *rights(): Generator<RightSecret> {
    for (const name of [...this.#right.keys()]) {
      const right = this.#right.peek(name);
      if (!right) continue;
      const hashDigest = right.hash === undefined ? right.hashDigest : this.#hashDigest(right.hash);
      yield { name, secretDigest: right.secretDigest, hashDigest };
    }
  }

  /** Lets go of the answers that are held back, and holds none any more. */
  release(): void {
    this.#holds = false;
    for (const letGo of this.#held) letGo();
  }

  #known(name: string, id: string, hash: string): boolean | undefined {
    const right = this.#right.get(name);
    if (right && this.#isOf(name, right, hash)) {
      if (right.secretDigest === id) return true;
      // One slow hash has one secret: what is not that one needs no thread to be found wrong.
      if (this.#options.isSlow(hash)) return false;
    }
    return this.#wrong.get(id) === hash ? false : undefined;
  }

  #isOf(name: string, right: Right, hash: string): boolean {
    if (right.hash !== undefined) return right.hash === hash;
    if (right.hashDigest !== this.#hashDigest(hash)) return false;
    this.#right.set(name, { secretDigest: right.secretDigest, hash });
    return true;
  }

  async #find(
    name: string,
    secret: string,
    id: string,
    hash: string,
    hasGone: () => boolean,
  ): Promise<boolean> {
    const { isSlow, verify, onRight } = this.#options;
    const isHard = isSlow(hash);
    // The right one may have been found while this one waited.
    const run = async (): Promise<boolean> => this.#known(name, id, hash) ?? verify(secret, hash);
    const matches = await (isHard ? this.#queue.run(name, { run, hasGone }) : run());
    if (!matches) {
      this.#wrong.set(id, hash);
      if (isHard) await this.#afterGuess(name);
      return false;
    }
    this.#right.set(name, { secretDigest: id, hash });
    this.#guesses.delete(name);
    onRight?.({ name, secretDigest: id, hashDigest: this.#hashDigest(hash) });
    return true;
  }

  /** A mistyped secret is answered at once, the ten-thousandth guess is not. */
  async #afterGuess(name: string): Promise<void> {
    const guesses = (this.#guesses.get(name) ?? 0) + 1;
    this.#guesses.set(name, guesses);
    if (guesses < GUESSES || !this.#holds || this.#held.size >= MAX_HELD) return;
    await new Promise<void>((resolve) => {
      const letGo = (): void => {
        clearTimeout(timer);
        this.#held.delete(letGo);
        resolve();
      };
      const timer = setTimeout(letGo, this.#options.holdMs ?? HOLD_MS);
      this.#held.add(letGo);
    });
  }

  #rankOf(name: string): number {
    if (this.#right.has(name)) return KNOWN;
    return (this.#guesses.get(name) ?? 0) < GUESSES ? FRESH : GUESSED_AT;
  }

  /**
   * Under a key: what lies in memory, or on disk, is no use to whoever reads it. In UTF-16, because in UTF-8 all lone
   * surrogates are one character, and different secrets must not be taken for one another.
   */
  #digest(name: string, secret: string): string {
    return createHmac('sha256', this.#key)
      .update(name)
      .update('\0')
      .update(secret, 'utf16le')
      .digest('base64');
  }

  /** No name is empty, so that this is never the digest of a secret. */
  #hashDigest(hash: string): string {
    return createHmac('sha256', this.#key).update('\0').update(hash).digest('base64');
  }
}
