import { MANY_AT_ONCE, UNSEEN_LIMIT } from './plane.ts';

/** What the cluster takes away within this time is never written down. */
export const DEBT_MS = 1_000;
/** How long what is paid may stand there. */
export const PAID_MS = 2_000;
const MANY_MS = 2_000;
/** As few as the brake lets pass anyway need no haste. */
const FEW_MS = 120_000;

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

  /** Adds it, or removes it. */
  set(key: string, isIn: boolean, nowMs: number): void {
    if (isIn) this.add(key, nowMs);
    else this.remove(key, nowMs);
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

export interface Unwritten {
  readonly owed: Pick<Drift, 'added' | 'removed'>;
  readonly known: Pick<Drift, 'added' | 'removed'>;
  /** The cluster is not connected: what is owed now may be owed for long. */
  readonly isAway: boolean;
}

/**
 * When a record is to be written, in milliseconds of the clock that the keys were entered by; what is past: at once; undefined: nothing to write.
 *
 * At once when several are owed, for a process may end amid a thousand, or when the cluster is away. Otherwise a revocation
 * gets a second to be carried out, so that a cluster that answers costs no write for a token.
 */
export function dueMs({ owed, known, isAway }: Unwritten): number | undefined {
  const isHasty = isAway || owed.added.size >= MANY_AT_ONCE;
  const isMany = Math.max(known.added.size, known.removed.size) > UNSEEN_LIMIT;
  const ofKnown = isAway ? 0 : isMany ? MANY_MS : FEW_MS;
  const due = [
    after(owed.added, isHasty ? 0 : DEBT_MS),
    after(owed.removed, PAID_MS),
    after(known.added, ofKnown),
    after(known.removed, ofKnown),
  ];
  return earliest(due);
}

/** undefined where there is none. */
export function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function after(keys: ReadonlyMap<string, number>, delayMs: number): number | undefined {
  const oldestMs = oldestOf(keys);
  return oldestMs === undefined ? undefined : oldestMs + delayMs;
}
