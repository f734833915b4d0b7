import { LRUCache } from 'lru-cache';
import { EXT_TOKEN_SECRETS, type Resource } from '../../api/names.ts';
import { upTo } from '../../growing-cache.ts';
import type { Gone } from '../../kube/store.ts';
import { parseKey, sourceKey } from '../keys.ts';

/** Kind of a token of `ext.cattle.io`, beside those of keys. */
const EXT_TOKEN = 'ext';
const MAX_ENTRIES = 200_000;

/** Milliseconds since the epoch. */
interface Deletion {
  /** By our clock. */
  readonly toldAtMs: number;
  /** By the management plane's clock: until then it was there, for all that is known. */
  readonly thereUntilMs: number;
}

/**
 * Deletions that were told in this process, by a watch or by a relist that missed what we held: positive evidence,
 * which the GC brake lets pass (together with a live 404). It does not age: a cluster may be away for days, and what
 * was revoked meanwhile must go when it is back. What was absent from the start has no entry here, nor has what a plane lost by
 * being put back from a backup.
 */
export class DeletionEvidence {
  readonly #keys = new LRUCache<string, Deletion>(upTo(MAX_ENTRIES));
  /** By kind: what was there before that only proves nothing. */
  readonly #provesSinceMs = new Map<string, number>();
  /** By kind, and by the management plane's clock: when it was last told that what we hold is there. */
  readonly #heardMs = new Map<string, number>();
  readonly #clocks: DeletionClocks;

  constructor(clocks: DeletionClocks = { now: Date.now, planeNow: Date.now }) {
    this.#clocks = clocks;
  }

  /** The management plane told of that kind: all of it that we hold was there until now. */
  heard(resource: Resource): void {
    this.#heardMs.set(kindOfResource(resource), this.#clocks.planeNow());
  }

  /** The object is not there any more. */
  gone(key: string, how: Gone): void {
    if (how === 'put-back') return;
    const { now, planeNow } = this.#clocks;
    // A list does not say when it went: its definition may have been made anew since, and all that was there with the one before.
    this.add(key, now(), how === 'told' ? planeNow() : (this.#heardMs.get(kindOf(key)) ?? 0));
  }

  /**
   * The first time that it was told counts, until the object is there again.
   *
   * @param toldAtMs - by our clock
   * @param thereUntilMs - by the management plane's; left out: when it was told, by what that clock is ahead of ours
   */
  add(
    key: string,
    toldAtMs: number = this.#clocks.now(),
    thereUntilMs: number = toldAtMs + this.#clocks.planeNow() - this.#clocks.now(),
  ): void {
    this.#keys.set(key, this.#keys.peek(key) ?? { toldAtMs, thereUntilMs });
  }

  /** When the deletion was told, in milliseconds since the epoch; undefined when none was. */
  toldAtMs(key: string): number | undefined {
    return this.#keys.peek(key)?.toldAtMs;
  }

  /** The object is there again. */
  remove(key: string): void {
    this.#keys.delete(key);
  }

  /** @param key - of a user, or the {@link sourceKey} of a token */
  has(key: string): boolean {
    const deletion = this.#keys.peek(key);
    return deletion !== undefined && deletion.thereUntilMs >= (this.#provesSinceMs.get(kindOf(key)) ?? 0);
  }

  /** @param key - of a queue: of tokens, that of either kind */
  hasAny(key: string): boolean {
    const { kind, name } = parseKey(key);
    return this.has(key) || (kind === 'token' && this.has(sourceKey(name, 'ext')));
  }

  /**
   * Of a kind, only what was there since then is evidence: its definition, or namespace, was made then, and with the one before
   * it all objects went that nobody had deleted.
   *
   * @param sinceMs - by the management plane's clock
   */
  trustSince(resource: Resource, sinceMs: number): void {
    this.#provesSinceMs.set(kindOfResource(resource), sinceMs);
  }
}

/** Milliseconds since the epoch. */
interface DeletionClocks {
  now(): number;
  planeNow(): number;
}

function kindOfResource(resource: Resource): string {
  return resource === EXT_TOKEN_SECRETS ? EXT_TOKEN : resource.kind.toLowerCase();
}

function kindOf(key: string): string {
  const { kind, name } = parseKey(key);
  return kind === 'token' && name.startsWith('ext/') ? EXT_TOKEN : kind;
}
