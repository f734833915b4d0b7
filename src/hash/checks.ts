import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { LRUCache } from 'lru-cache';
import { upTo } from '../growing-cache.ts';
import { detectFormat } from './detect.ts';
import { HasherClosedError } from './errors.ts';
import { formatOf, isSlow } from './formats.ts';
import type { Hasher } from './hasher.ts';
import { acceptsSecret } from './limits.ts';

const MAX_RESULTS = 100_000;
const RETRY_MS = 1_000;

/** Is this hash one of this secret? */
export interface HashCheck {
  readonly secret: string;
  readonly hash: string;
  /** Whose turn it is, where many wait: a cluster, and of it a user, as `cluster/user`. */
  readonly group?: string;
}

type Listener = (isMatch: boolean | undefined) => void;

/**
 * Finds out whether stored hashes are of given secrets, each once, and never in the main thread where that is slow. Nothing of
 * a secret is kept: questions are told apart by a digest under a key of this object only.
 */
export class HashChecks {
  readonly #hasher: Pick<Hasher, 'verify'>;
  readonly #results = new LRUCache<string, boolean>(upTo(MAX_RESULTS));
  readonly #waiting = new Map<string, Set<Listener>>();
  /** As a KeyObject it is imported once; raw bytes are imported at each use, at six times the cost. */
  readonly #key = createSecretKey(randomBytes(32));

  constructor(hasher: Pick<Hasher, 'verify'>) {
    this.#hasher = hasher;
  }

  /** Checks without a result yet. */
  get pending(): number {
    return this.#waiting.size;
  }

  /** The answer where it is known, or found in microseconds; undefined where {@link start} would have to find it. */
  known({ secret, hash }: HashCheck): boolean | undefined {
    const format = detectFormat(hash);
    if (!format || !acceptsSecret(format, secret)) return false;
    if (!isSlow(format)) return formatOf(format).verify(secret, hash);
    return this.#results.get(this.#digest(secret, hash));
  }

  /** Has it found out. @param ready - called once, later: undefined when it could not be found out, and may be asked again */
  start(check: HashCheck, ready: Listener): void {
    const digest = this.#digest(check.secret, check.hash);
    const waiting = this.#waiting.get(digest);
    if (waiting) {
      waiting.add(ready);
      return;
    }
    this.#waiting.set(digest, new Set([ready]));
    void this.#run(digest, check);
  }

  async #run(digest: string, { secret, hash, group }: HashCheck): Promise<void> {
    const isMatch = await this.#verify(secret, hash, group);
    if (isMatch !== undefined) this.#results.set(digest, isMatch);
    const waiting = this.#waiting.get(digest) ?? [];
    this.#waiting.delete(digest);
    for (const ready of waiting) ready(isMatch);
  }

  async #verify(secret: string, hash: string, group: string | undefined): Promise<boolean | undefined> {
    try {
      return await this.#hasher.verify(secret, hash, undefined, group);
    } catch (error) {
      // Asked again at once, a full queue would be asked for ever; when we are shutting down, nobody asks again.
      if (!(error instanceof HasherClosedError)) await delay(RETRY_MS, undefined, { ref: false });
      return undefined;
    }
  }

  #digest(secret: string, hash: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([secret, hash]))
      .digest('base64');
  }
}
