/** So long whoever is first is waited for, before those behind go ahead. */
const PATIENCE_MS = 2_000;

/**
 * Passes results on in the order of their names, each as soon as it can be; one that is long in coming does not hold up
 * the others, and is passed on when it comes.
 *
 * @param now - milliseconds, of any clock that does not go back
 */
export class InOrder<T> {
  readonly #waiting: string[];
  readonly #pass: (value: T) => void;
  readonly #now: () => number;
  readonly #late = new Set<string>();
  readonly #come = new Map<string, T>();
  #waitingSinceMs: number;

  constructor(names: readonly string[], pass: (value: T) => void, now: () => number) {
    this.#waiting = [...names].reverse();
    this.#pass = pass;
    this.#now = now;
    this.#waitingSinceMs = now();
  }

  /** This one is there; undefined: it will never be. */
  come(name: string, value: T | undefined): void {
    if (this.#late.delete(name)) {
      if (value !== undefined) this.#pass(value);
    } else this.#come.set(name, value as T);
    this.#advance();
  }

  #advance(): void {
    for (let first = this.#waiting.at(-1); first !== undefined; first = this.#waiting.at(-1)) {
      const isThere = this.#come.has(first);
      if (!isThere && (this.#come.size === 0 || this.#now() - this.#waitingSinceMs < PATIENCE_MS)) return;
      this.#waiting.pop();
      if (!isThere) this.#late.add(first);
      else this.#hand(first);
    }
  }

  #hand(name: string): void {
    const value = this.#come.get(name);
    this.#come.delete(name);
    this.#waitingSinceMs = this.#now();
    if (value !== undefined) this.#pass(value);
  }
}
