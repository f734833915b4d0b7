/** How a set of keys differs from what was last written of it. Each step costs nothing but that step. */
export class Drift {
  readonly #keys: Set<string>;
  #written: ReadonlySet<string>;
  readonly #added = new Map<string, number>();
  readonly #removed = new Map<string, number>();

  /** @param written - what is there already */
  constructor(written: Iterable<string> = []) {
    this.#written = new Set(written);
    this.#keys = new Set(this.#written);
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /** Keys that are not written yet, the oldest first, and since when. */
  get added(): ReadonlyMap<string, number> {
    return this.#added;
  }

  /** Keys that are written and are no more, the oldest first, and since when. */
  get removed(): ReadonlyMap<string, number> {
    return this.#removed;
  }

  add(key: string, nowMs: number): void {
    this.#keys.add(key);
    this.#removed.delete(key);
    if (!this.#written.has(key) && !this.#added.has(key)) this.#added.set(key, nowMs);
  }

  remove(key: string, nowMs: number): void {
    if (!this.#keys.delete(key)) return;
    this.#added.delete(key);
    if (this.#written.has(key)) this.#removed.set(key, nowMs);
  }

  /** These keys are written now. What changed meanwhile is still to be. */
  wrote(keys: ReadonlySet<string>, nowMs: number): void {
    this.#written = keys;
    keepOnly(this.#added, without(this.#keys, keys), nowMs);
    keepOnly(this.#removed, without(keys, this.#keys), nowMs);
  }
}

function without(keys: ReadonlySet<string>, others: ReadonlySet<string>): ReadonlySet<string> {
  return new Set([...keys].filter((key) => !others.has(key)));
}

/** Makes the map hold these keys; what was in there keeps its time. */
function keepOnly(times: Map<string, number>, keys: ReadonlySet<string>, nowMs: number): void {
  const before = new Map(times);
  times.clear();
  // By age, so that the first stays the oldest.
  for (const [key, sinceMs] of before) if (keys.has(key)) times.set(key, sinceMs);
  for (const key of keys) if (!times.has(key)) times.set(key, nowMs);
}

/** When the first of them was entered; undefined when there is none. */
export function oldestOf(times: ReadonlyMap<string, number>): number | undefined {
  for (const sinceMs of times.values()) return sinceMs;
  return undefined;
}
