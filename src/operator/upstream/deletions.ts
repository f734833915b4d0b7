import { LRUCache } from 'lru-cache';
import { upTo } from '../../growing-cache.ts';
import { parseKey, sourceKey } from '../keys.ts';

/** Kind of a token of `ext.cattle.io`, beside those of keys. */
export const EXT_TOKEN = 'ext';
const MAX_ENTRIES = 200_000;

/**
 * Deletions that were told in this process, by a watch or by a relist that missed what we held: positive evidence,
 * which the GC brake lets pass (together with a live 404). It does not age: a cluster may be away for days, and what
 * was revoked meanwhile must go when it is back. What was absent from the start has no entry here.
 */
export class DeletionEvidence {
  readonly #keys = new LRUCache<string, number>(upTo(MAX_ENTRIES));
  /** By kind: what was told before that proves nothing. */
  readonly #provesSinceMs = new Map<string, number>();

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

  /** @param key - of a user, or the {@link sourceKey} of a token */
  has(key: string): boolean {
    const toldAtMs = this.toldAtMs(key);
    return toldAtMs !== undefined && toldAtMs >= (this.#provesSinceMs.get(kindOf(key)) ?? 0);
  }

  /** @param key - of a queue: of tokens, that of either kind */
  hasAny(key: string): boolean {
    const { kind, name } = parseKey(key);
    return this.has(key) || (kind === 'token' && this.has(sourceKey(name, 'ext')));
  }

  /**
   * Of that kind, only what was told since then is evidence: its definition, or namespace, was made then, and with the one before
   * it all objects went that nobody had deleted.
   */
  trustSince(kind: string, sinceMs: number): void {
    this.#provesSinceMs.set(kind, sinceMs);
  }
}

function kindOf(key: string): string {
  const { kind, name } = parseKey(key);
  return kind === 'token' && name.startsWith('ext/') ? EXT_TOKEN : kind;
}
