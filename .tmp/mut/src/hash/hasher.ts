import type { HashAlgorithm } from './algorithms.ts';
import { DEFAULT_COST, isCost } from './bcrypt.ts';
import { detectFormat } from './detect.ts';
import { formatOf, hashNow, isSlow } from './formats.ts';
import { acceptsSecret, requireSecret } from './limits.ts';
import { HashPool } from './pool.ts';

export { HasherClosedError, HashQueueFullError, SecretRefusedError } from './errors.ts';

/** Hashing and verification that never occupies the main thread. */
export interface Hasher {
  /**
   * A new hash of a secret, with a fresh salt. Groups take turns at the threads.
   *
   * @throws {SecretRefusedError} when the algorithm cannot take the secret (`limits.ts`); it never can
   * @throws {HashQueueFullError} when too many are waiting
   * @throws {HasherClosedError} when closed before it was done
   * @throws the signal's reason when aborted
   */
  hash(algorithm: HashAlgorithm, secret: string, signal?: AbortSignal, group?: string): Promise<string>;

  /**
   * Whether a stored hash is one of this secret. False for any hash and any secret that is refused;
   * rejects, as `hash` does, only when the answer could not be found out.
   */
  verify(secret: string, hash: string, signal?: AbortSignal, group?: string): Promise<boolean>;

  /** Tasks waiting or running off-thread. */
  readonly queued: number;

  /** Rejects what is left and ends the threads, also in the middle of a hash. */
  close(): Promise<void>;
}

export interface HasherOptions {
  /** Worker threads, started when first needed; 2 unless given. */
  threads?: number;
  /** Tasks that may wait beside the running ones; unbounded unless given. */
  maxQueue?: number;
  /** log2 of the rounds of new bcrypt hashes, 4 to 12; 10 unless given. */
  bcryptCost?: number;
  /** Told how long a thread took for one hash or check; what is computed inline takes microseconds and is not told. */
  onDone?: (operation: 'hash' | 'verify', algorithm: string, seconds: number) => void;
}

/**
 * A hasher for all formats. bcrypt and scrypt share its threads, libuv's pool is left alone;
 * the digests take microseconds and are computed inline.
 *
 * @throws {RangeError} when `threads` is not a positive integer or `bcryptCost` not 4 to 12
 */
export function createHasher(options: HasherOptions = {}): Hasher {
  const { threads = 2, maxQueue = Number.POSITIVE_INFINITY, bcryptCost = DEFAULT_COST, onDone } = options;
  if (!Number.isInteger(threads) || threads < 1) {
    throw new RangeError(`threads must be a positive integer, got ${threads}`);
  }
  if (!isCost(bcryptCost)) throw new RangeError(`bcryptCost must be 4 to 12, got ${bcryptCost}`);
  const pool = new HashPool({
    threads,
    maxQueue,
    onDone: (job, seconds) => onDone?.(job.kind, job.kind === 'hash' ? job.algorithm : job.format, seconds),
  });

  return {
    async hash(algorithm, secret, signal, group) {
      requireSecret(algorithm, secret);
      if (!isSlow(algorithm)) return hashNow(algorithm, secret, bcryptCost);
      return pool.run({ kind: 'hash', algorithm, secret, bcryptCost }, signal, group);
    },
    async verify(secret, hash, signal, group) {
      const format = detectFormat(hash);
      // Refused here already, so that nonsense never takes a place in the queue.
      if (!format || !acceptsSecret(format, secret)) return false;
      if (!isSlow(format)) return formatOf(format).verify(secret, hash);
      return pool.run({ kind: 'verify', format, secret, hash }, signal, group);
    },
    get queued() {
      return pool.size;
    },
    close: () => pool.close(),
  };
}
