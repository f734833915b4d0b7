import { LRUCache } from 'lru-cache';

const MAX_ENTRIES = 200_000;

/**
 * Deletions that were told in this process, by a watch or by a relist that missed what we held: positive evidence,
 * which the GC brake lets pass (together with a live 404). It does not age: a cluster may be away for days, and what
 * was revoked meanwhile must go when it is back. What was absent from the start has no entry here.
 */
export class DeletionEvidence {
  readonly #keys = new LRUCache<string, number>({ max: MAX_ENTRIES });

  /** The first time that it was told counts, until the object is there again. */
  add(key: string, atMs: number = Date.now()): void {
    this.#keys.set(key, this.#keys.peek(key) ?? atMs);
  }

  /** When the deletion was told, in milliseconds since the epoch; undefined when none was. */
  toldAtMs(key: string): number | undefined {
    return this.#keys.peek(key);
  }

  /** The object is there again. */
  remove(key: string): void {
    this.#keys.delete(key);
  }

  has(key: string): boolean {
    return this.#keys.has(key);
  }
}
