import type { KubeObject } from '../api/types.ts';
import { isOlder } from '../kube/versions.ts';

/** How long an echo may take. Then the assumption is dropped and the key is worked again from what is seen. */
const TTL_MS = 10_000;

interface Assumption {
  readonly object: KubeObject;
  /** `gone`: we deleted it. */
  readonly state: 'written' | 'gone';
  readonly timer: NodeJS.Timeout;
}

/**
 * Answered writes of ours that the watch has not told yet. Without them a second look at a key, a few milliseconds
 * after the first, would write everything again.
 *
 * Never trusted for long: a wrong assumption must not outlive {@link TTL_MS}.
 */
export class Assumed {
  /** By kind, then by name: a key made of both would be made anew for each of many looks. */
  readonly #byKind = new Map<string, Map<string, Assumption>>();
  readonly #onExpired: (object: KubeObject) => void;
  #echo: KubeObject | undefined;

  constructor(onExpired: (object: KubeObject) => void) {
    this.#onExpired = onExpired;
  }

  /** What we wrote under that name, or deleted; undefined when the watch knows best. */
  get(kind: string, name: string): Omit<Assumption, 'timer'> | undefined {
    return this.#byKind.get(kind)?.get(name);
  }

  /** Objects that we wrote, and that are not told yet. */
  written(kind: string): readonly KubeObject[] {
    return [...(this.#byKind.get(kind)?.values() ?? [])]
      .filter(({ state }) => state === 'written')
      .map(({ object }) => object);
  }

  add(object: KubeObject, state: 'written' | 'gone'): void {
    this.#drop(object);
    const timer = setTimeout(() => {
      this.#drop(object);
      this.#echo = undefined;
      this.#onExpired(object);
    }, TTL_MS);
    const { kind, metadata } = object;
    const byName = this.#byKind.get(kind) ?? new Map<string, Assumption>();
    this.#byKind.set(kind, byName.set(metadata.name, { object, state, timer }));
  }

  /** The watch told something: our write itself, something later, or that the object is gone. */
  settle(seen: { object: KubeObject; uid: string; resourceVersion: string }, deleted: boolean): void {
    const { kind, metadata } = seen.object;
    const assumption = this.#byKind.get(kind)?.get(metadata.name);
    this.#echo = undefined;
    if (!assumption) return;
    const { uid, resourceVersion } = assumption.object.metadata;
    const isItself = assumption.state === 'written' && seen.resourceVersion === resourceVersion;
    if (isItself && !deleted && uid === seen.uid) this.#echo = seen.object;
    const isEnd = deleted && uid === seen.uid;
    const isEcho = assumption.state === 'written' && !isOlder(seen.resourceVersion, resourceVersion ?? '');
    const isSuccessor = !deleted && uid !== seen.uid && !isOlder(seen.resourceVersion, resourceVersion ?? '');
    if (isEnd || (isEcho && !deleted) || isSuccessor) this.#drop(seen.object);
  }

  /** Whether what the watch told last, which is this, is a write of ours as it was answered, and nothing besides. */
  isEcho(object: KubeObject): boolean {
    return this.#echo === object;
  }

  close(): void {
    for (const byName of this.#byKind.values()) for (const { timer } of byName.values()) clearTimeout(timer);
    this.#byKind.clear();
  }

  #drop({ kind, metadata: { name } }: KubeObject): void {
    const byName = this.#byKind.get(kind);
    clearTimeout(byName?.get(name)?.timer);
    byName?.delete(name);
  }
}
