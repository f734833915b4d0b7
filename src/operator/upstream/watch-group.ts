import type { Identified } from '../../api/types.ts';
import { pause } from '../../kube/backoff.ts';
import type { Reflector } from '../../kube/reflector.ts';

/** So long is waited for a watch that work can begin without. */
const PATIENCE_MS = 5_000;

type Watched = Pick<Reflector<Identified>, 'hasSynced' | 'synced' | 'refresh' | 'catchUp' | 'stop'>;

/**
 * The watches of the management plane, by whether work can begin without them: what decides about tokens is waited for, for
 * ever; for anything else some seconds, so that one namespace or kind that cannot be read costs only what is in it.
 */
export class WatchGroup {
  readonly #needed: Watched[] = [];
  readonly #others: Watched[] = [];
  readonly #patienceMs: number;

  constructor(patienceMs = PATIENCE_MS) {
    this.#patienceMs = patienceMs;
  }

  /** @param isNeeded - nothing can be decided before it has listed */
  add(watch: Watched, isNeeded: boolean): void {
    (isNeeded ? this.#needed : this.#others).push(watch);
  }

  /** True once all that is needed has listed. */
  get hasSynced(): boolean {
    return this.#needed.length > 0 && this.#needed.every((watch) => watch.hasSynced);
  }

  /** Resolves when all that is needed has listed, and the others, too, or their time is up. */
  synced(): Promise<void> {
    return this.#each((watch) => watch.synced);
  }

  /** Lists everything anew; resolves as {@link synced} does, with lists that began after this call. */
  refresh(): Promise<void> {
    return this.#each((watch) => watch.refresh());
  }

  /** The same beside the watches, which go on telling. */
  catchUp(): Promise<void> {
    return this.#each((watch) => watch.catchUp());
  }

  /** Resolves when no further event can come. */
  async stop(): Promise<void> {
    await Promise.all([...this.#needed, ...this.#others].map((watch) => watch.stop()));
  }

  async #each(step: (watch: Watched) => Promise<void>): Promise<void> {
    const enough = new AbortController();
    const others = Promise.all(this.#others.map(step));
    await Promise.all([
      ...this.#needed.map(step),
      Promise.race([others, pause(this.#patienceMs, enough.signal)]),
    ]);
    enough.abort();
  }
}
