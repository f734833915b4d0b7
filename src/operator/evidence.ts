import { LRUCache } from 'lru-cache';

const MAX_ENTRIES = 100_000;
const TTL_MS = 60 * 60_000;

/**
 * Deletions that the management watch told us in this process: positive evidence, which the GC brake lets pass
 * (together with a live 404). What is merely absent from a list has no entry here.
 */
export class DeletionEvidence {
  readonly #keys = new LRUCache<string, true>({ max: MAX_ENTRIES, ttl: TTL_MS });

  add(key: string): void {
    this.#keys.set(key, true);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }
}
