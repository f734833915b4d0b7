import type { KubeObject } from '../api/types.ts';

/** How long an echo may take. Then the assumption is dropped and the key is worked again from what is seen. */
const TTL_MS = 10_000;

interface Assumption {
  readonly object: KubeObject;
  readonly timer: NodeJS.Timeout;
}

/**
 * Writes of ours that the watch has not told yet. Without them a second look at a key, a few milliseconds
 * after the first, would write everything again.
 *
 * Never trusted for long: a wrong assumption must not outlive {@link TTL_MS}.
 */
export class Assumed {
  readonly #byName = new Map<string, Map<string, Assumption>>();
  readonly #onExpired: (object: KubeObject) => void;

  constructor(onExpired: (object: KubeObject) => void) {
    this.#onExpired = onExpired;
  }

  get(kind: string, name: string): KubeObject | undefined {
    return this.#byName.get(name)?.get(kind)?.object;
  }

  hasAny(name: string): boolean {
    return this.#byName.has(name);
  }

  get isEmpty(): boolean {
    return this.#byName.size === 0;
  }

  add(object: KubeObject): void {
    this.#drop(object.kind, object.metadata.name);
    const timer = setTimeout(() => {
      this.#drop(object.kind, object.metadata.name);
      this.#onExpired(object);
    }, TTL_MS);
    const kinds = this.#byName.get(object.metadata.name) ?? new Map<string, Assumption>();
    kinds.set(object.kind, { object, timer });
    this.#byName.set(object.metadata.name, kinds);
  }

  /** The watch told something of an object: our write itself, or that the object is gone. */
  settle(seen: { object: KubeObject; uid: string; resourceVersion: string }, gone: boolean): void {
    const { kind, metadata } = seen.object;
    const assumed = this.get(kind, metadata.name);
    if (!assumed) return;
    const isEcho = assumed.metadata.resourceVersion === seen.resourceVersion;
    const isEnd = gone && assumed.metadata.uid === seen.uid;
    if (isEcho || isEnd) this.#drop(kind, metadata.name);
  }

  close(): void {
    for (const kinds of this.#byName.values()) for (const { timer } of kinds.values()) clearTimeout(timer);
    this.#byName.clear();
  }

  #drop(kind: string, name: string): void {
    const kinds = this.#byName.get(name);
    const assumption = kinds?.get(kind);
    if (!kinds || !assumption) return;
    clearTimeout(assumption.timer);
    kinds.delete(kind);
    if (kinds.size === 0) this.#byName.delete(name);
  }
}
