import { isDeepStrictEqual } from 'node:util';
import type { Identified } from '../api/types.ts';
import { isCounted, isOlder } from './versions.ts';

/**
 * How it is known that an object is gone: a watch told of its deletion; a list does not have it any more; or a list of a plane that
 * was put back to before it does not, and nobody deleted it.
 */
export type Gone = 'told' | 'missing' | 'put-back';

export type StoreEvent<T> =
  | { readonly type: 'added'; readonly object: T }
  | { readonly type: 'updated'; readonly object: T; readonly old: T }
  /** `object` as it was told to be gone, `old` as it was held. */
  | { readonly type: 'deleted'; readonly object: T; readonly old: T; readonly how: Gone };

export type StoreListener<T> = (event: StoreEvent<T>) => void;

/** Read-only side of a store. */
export interface Lister<T> {
  get(name: string): T | undefined;
  list(): IterableIterator<T>;
  /** Objects whose index function gave this value. */
  byIndex(index: string, value: string): readonly T[];
  readonly size: number;
}

/**
 * What one list + watch has seen: objects by name, indexed, every change told to the listeners.
 *
 * An object of the same name with another UID is a deletion followed by an addition, never an update:
 * that is how a token that was recreated is told from one that was edited.
 */
export class Store<T extends Identified> implements Lister<T> {
  readonly #objects = new Map<string, T>();
  /** Under what an object is held. */
  readonly keyOf: (object: T) => string;
  readonly #indexers: Readonly<Record<string, (object: T) => string>>;
  readonly #indexes = new Map<string, Map<string, Set<string>>>();
  readonly #listeners: StoreListener<T>[] = [];

  /** @param keyOf - under what an object is held; its name unless said otherwise */
  constructor(
    indexers: Readonly<Record<string, (object: T) => string>> = {},
    keyOf: (object: T) => string = ({ name }) => name,
  ) {
    this.#indexers = indexers;
    this.keyOf = keyOf;
    for (const index of Object.keys(indexers)) this.#indexes.set(index, new Map());
  }

  get size(): number {
    return this.#objects.size;
  }

  get(name: string): T | undefined {
    return this.#objects.get(name);
  }

  list(): IterableIterator<T> {
    return this.#objects.values();
  }

  byIndex(index: string, value: string): readonly T[] {
    const names = this.#indexes.get(index)?.get(value) ?? [];
    return [...names].flatMap((name) => this.#objects.get(name) ?? []);
  }

  /** Listeners must only enqueue: they run inside the watch. */
  onChange(listener: StoreListener<T>): void {
    this.#listeners.push(listener);
  }

  /** Adds or updates one object; the same version again is no event. */
  put(object: T): void {
    const old = this.#objects.get(this.keyOf(object));
    if (old && this.isKnown(old, object)) return;
    if (old && old.uid !== object.uid) this.remove(old);
    const replaced = old?.uid === object.uid ? old : undefined;
    if (replaced) this.#unindex(replaced);
    this.#objects.set(this.keyOf(object), object);
    this.#index(object);
    this.#tell(replaced ? { type: 'updated', object, old: replaced } : { type: 'added', object });
  }

  /** Removes an object, unless another of the same name has taken its place. */
  remove(object: T, how: Gone = 'told'): void {
    const old = this.#objects.get(this.keyOf(object));
    if (!old || (old.uid !== object.uid && object.uid !== '')) return;
    this.#objects.delete(this.keyOf(object));
    this.#unindex(old);
    this.#tell({ type: 'deleted', object, old, how });
  }

  /**
   * Makes the store hold exactly `objects`, as after a list; what is missing there comes out as deleted. Where the plane was put back,
   * what its backup had for certain was deleted since; of the rest nobody can say.
   *
   * @param isPutBack - the plane went back to an earlier state: a version may stand for something else than it did
   * @returns how many objects differed: that one is held otherwise of the same version is no difference
   */
  replace(objects: readonly T[], isPutBack = false): number {
    const inBackup = isPutBack ? this.#newestOfBoth(objects) : undefined;
    const howOf = (old: T): Gone => (isPutBack && !isUpTo(inBackup, old) ? 'put-back' : 'missing');
    const keys = new Set(objects.map(this.keyOf));
    const gone = [...this.#objects.values()].filter((old) => !keys.has(this.keyOf(old)));
    for (const old of gone) this.remove(old, howOf(old));
    if (isPutBack) for (const other of this.#otherOfSameVersion(objects)) this.remove(other, 'put-back');
    const changed = objects.filter((object) => {
      const old = this.#objects.get(this.keyOf(object));
      return !old || !this.isKnown(old, object);
    });
    const news = changed.filter((object) => !isSameVersion(this.#objects.get(this.keyOf(object)), object));
    for (const object of changed) this.put(object);
    return gone.length + news.length;
  }

  /** False for a list that says less than has to be known by now: it was asked for too early. */
  mayTake(_objects: readonly T[]): boolean {
    return true;
  }

  /** Whether what was told is what is held. */
  protected isKnown(old: T, object: T): boolean {
    return isSameVersion(old, object);
  }

  #otherOfSameVersion(objects: readonly T[]): readonly T[] {
    return objects.flatMap((object) => {
      const old = this.#objects.get(this.keyOf(object));
      return old && isSameVersion(old, object) && !isDeepStrictEqual(old, object) ? [old] : [];
    });
  }

  /** The newest version that is held and listed alike: the backup was made later. */
  #newestOfBoth(objects: readonly T[]): string | undefined {
    let newest: string | undefined;
    for (const object of objects) {
      const version = object.resourceVersion;
      const isNewer = isCounted(version) && (newest === undefined || isOlder(newest, version));
      if (isNewer && isDeepStrictEqual(this.#objects.get(this.keyOf(object)), object)) newest = version;
    }
    return newest;
  }

  #index(object: T): void {
    for (const [index, keyOf] of Object.entries(this.#indexers)) {
      const values = this.#indexes.get(index);
      const value = keyOf(object);
      const names = values?.get(value);
      if (names) names.add(this.keyOf(object));
      else values?.set(value, new Set([this.keyOf(object)]));
    }
  }

  #unindex(object: T): void {
    for (const [index, keyOf] of Object.entries(this.#indexers)) {
      const values = this.#indexes.get(index);
      const value = keyOf(object);
      const names = values?.get(value);
      names?.delete(this.keyOf(object));
      if (names?.size === 0) values?.delete(value);
    }
  }

  #tell(event: StoreEvent<T>): void {
    for (const listener of this.#listeners) listener(event);
  }
}

/** Whether an object was in a state that has come as far as `newest`. */
function isUpTo(newest: string | undefined, { resourceVersion }: Identified): boolean {
  return newest !== undefined && isCounted(resourceVersion) && !isOlder(newest, resourceVersion);
}

/** Whether nothing changed between two words on one object. */
export function isSameVersion(old: Identified | undefined, object: Identified): boolean {
  return old !== undefined && old.uid === object.uid && old.resourceVersion === object.resourceVersion;
}
