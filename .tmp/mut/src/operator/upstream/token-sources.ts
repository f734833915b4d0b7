import type { Token } from '../../api/types.ts';
import { holderOf, isOver } from '../../derive/older.ts';
import { Store } from '../../kube/store.ts';

/** Tokens of both kinds, held as one. A name can be taken by one of each, and a cluster has room for one of a name. */
export class TokenSources {
  readonly v3 = new Store<Token>();
  readonly ext = new Store<Token>();
  /** Names that both kinds have, and what of the two decides which one a cluster gets. */
  readonly #shared = new Map<string, string>();
  readonly #listeners: ((token: Token) => void)[] = [];

  /** @param held - what everybody else reads; written here only */
  constructor(held: Store<Token>) {
    for (const store of [this.v3, this.ext]) {
      store.onChange(({ type, object }) => {
        this.#settle(object.name);
        if (type === 'deleted') held.remove(object);
        else held.put(object);
      });
    }
  }

  /** Tokens for a cluster whose name a token of the other kind has there. */
  collisionsOf(cluster: string, nowMs: number): readonly Token[] {
    return [...this.#shared.keys()].flatMap((name) => {
      const both = this.#named(name);
      const holder = holderOf(both, cluster, nowMs);
      const isHere = both.every(({ clusterName }) => clusterName === cluster);
      // Of one that is over itself there is nothing to tell but that.
      return both.filter((token) => isHere && token !== holder && !isOver(token, nowMs));
    });
  }

  /** @param listener - told of both tokens when who of them has the name may have changed, and of the one that is left */
  onCollision(listener: (token: Token) => void): void {
    this.#listeners.push(listener);
  }

  #named(name: string): readonly Token[] {
    return [this.v3.get(name), this.ext.get(name)].filter((token) => token !== undefined);
  }

  #settle(name: string): void {
    const both = this.#named(name);
    const before = this.#shared.get(name);
    const nowMs = Date.now();
    const now = both.map((one) => `${one.uid} ${one.clusterName} ${isOver(one, nowMs)}`).join();
    if (both.length > 1) this.#shared.set(name, now);
    else this.#shared.delete(name);
    if (before === this.#shared.get(name)) return;
    for (const token of both) for (const listener of this.#listeners) listener(token);
  }
}
