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
  readonly #byKey = new Map<string, Assumption>();
  readonly #onExpired: (object: KubeObject) => void;

  constructor(onExpired: (object: KubeObject) => void) {
    this.#onExpired = onExpired;
  }

  /** What we wrote under that name, or deleted; undefined when the watch knows best. */
  get(kind: string, name: string): Omit<Assumption, 'timer'> | undefined {
    return this.#byKey.get(`${kind}/${name}`);
  }

  /** Objects that we wrote, and that are not told yet. */
  written(kind: string): readonly KubeObject[] {
    return [...this.#byKey.values()]
      .filter(({ object, state }) => state === 'written' && object.kind === kind)
      .map(({ object }) => object);
  }

  add(object: KubeObject, state: 'written' | 'gone'): void {
    const key = keyOf(object);
    this.#drop(key);
    const timer = setTimeout(() => {
      this.#drop(key);
      this.#onExpired(object);
    }, TTL_MS);
    this.#byKey.set(key, { object, state, timer });
  }

  /** The watch told something: our write itself, something later, or that the object is gone. */
  settle(seen: { object: KubeObject; uid: string; resourceVersion: string }, deleted: boolean): void {
    const key = keyOf(seen.object);
    const assumption = this.#byKey.get(key);
    if (!assumption) return;
    const { uid, resourceVersion } = assumption.object.metadata;
    const isEnd = deleted && uid === seen.uid;
    const isEcho = assumption.state === 'written' && !isOlder(seen.resourceVersion, resourceVersion ?? '');
    const isSuccessor = !deleted && uid !== seen.uid && !isOlder(seen.resourceVersion, resourceVersion ?? '');
    if (isEnd || (isEcho && !deleted) || isSuccessor) this.#drop(key);
  }

  close(): void {
    for (const { timer } of this.#byKey.values()) clearTimeout(timer);
    this.#byKey.clear();
  }

  #drop(key: string): void {
    clearTimeout(this.#byKey.get(key)?.timer);
    this.#byKey.delete(key);
  }
}

function keyOf(object: KubeObject): string {
  return `${object.kind}/${object.metadata.name}`;
}
