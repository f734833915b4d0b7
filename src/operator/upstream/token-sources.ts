import type { Token } from '../../api/types.ts';
import { olderOf } from '../../derive/older.ts';
import { Store } from '../../kube/store.ts';

/** Tokens of both kinds, made into one. A name can be taken by one of each, and a cluster has room for one. */
export class TokenSources {
  readonly v3 = new Store<Token>();
  readonly ext = new Store<Token>();
  readonly #collisions = new Store<Token>({ cluster: ({ clusterName }) => clusterName });
  readonly #merged: Store<Token>;
  readonly #listeners: ((token: Token) => void)[] = [];

  /** @param merged - what everybody else reads; written here only */
  constructor(merged: Store<Token>) {
    this.#merged = merged;
    for (const store of [this.v3, this.ext]) store.onChange(({ object }) => this.#settle(object.name));
  }

  /** Tokens for a cluster whose name an older one of the other kind has. */
  collisionsOf(cluster: string): readonly Token[] {
    return this.#collisions.byIndex('cluster', cluster);
  }

  /** @param listener - told of a token whose name was found to be taken, or is free again */
  onCollision(listener: (token: Token) => void): void {
    this.#listeners.push(listener);
  }

  #settle(name: string): void {
    const [v3, ext] = [this.v3.get(name), this.ext.get(name)];
    const first = olderOf(v3, ext);
    const second = first === ext ? v3 : ext;
    const collided = this.#collisions.get(name);
    if (second) this.#collisions.put(second);
    else if (collided) this.#collisions.remove(collided);
    const before = this.#merged.get(name);
    if (first) this.#merged.put(first);
    else if (before) this.#merged.remove(before);
    if (collided === second) return;
    for (const token of [collided, second]) {
      if (token) for (const listener of this.#listeners) listener(token);
    }
  }
}
