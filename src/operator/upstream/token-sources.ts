import { isParked, park } from '../../api/parked-token.ts';
import type { Token } from '../../api/types.ts';
import { holderOf, isOver } from '../../derive/older.ts';
import { StaleReadError } from '../../errors.ts';
import { Store } from '../../kube/store.ts';

/** Which tokens have to be held whole, by the cluster that they are for. */
export interface TokenNeeds {
  isNeeded(cluster: string): boolean;
  /** Of those, the clusters that are about to be worked on, as soon as all of them is read. */
  isReading(cluster: string): boolean;
  /** Of those, the clusters that are worked on by what is held. */
  isWorkedOn(cluster: string): boolean;
}

export const ALL_NEEDED: TokenNeeds = {
  isNeeded: () => true,
  isReading: () => false,
  isWorkedOn: () => true,
};

/**
 * Tokens, of which those that nobody needs here are parked. A token of a cluster that is worked on is never held as less than it is: a
 * list that was begun before that cluster came is refused, and asked for again.
 */
export class TokenStore extends Store<Token> {
  readonly #needs: TokenNeeds;

  constructor(needs: TokenNeeds, ...options: ConstructorParameters<typeof Store<Token>>) {
    super(...options);
    this.#needs = needs;
  }

  /** A token as it has to be held. One that leaves a cluster of ours is held whole until it is told again: who gets it may ask. */
  asNeeded(token: Token): Token {
    const { isNeeded } = this.#needs;
    if (isNeeded(token.clusterName)) return token;
    const held = this.get(this.keyOf(token));
    return held && !isParked(held) && held.uid === token.uid && isNeeded(held.clusterName)
      ? token
      : park(token);
  }

  override mayTake(tokens: readonly Token[]): boolean {
    return !tokens.some((token) => this.#isStale(token));
  }

  /** @throws {StaleReadError} */
  override put(token: Token): void {
    if (this.#isStale(token)) throw staleRead(token);
    super.put(token);
  }

  /** @throws {StaleReadError} before anything is taken over */
  override replace(tokens: readonly Token[], isPutBack = false): number {
    const stale = tokens.find((token) => this.#isStale(token));
    if (stale) throw staleRead(stale);
    return super.replace(tokens, isPutBack);
  }

  /** What is not known whole must not be judged: asked before it is. @throws {StaleReadError} */
  requireWhole(): void {
    for (const token of this.list())
      if (isParked(token) && this.#needs.isReading(token.clusterName)) throw staleRead(token);
  }

  /** Of the same version, a whole one is news where a parked one is held; the other way round once it is not needed any more. */
  protected override isKnown(old: Token, token: Token): boolean {
    if (!super.isKnown(old, token)) return false;
    if (isParked(old)) return isParked(token);
    return !isParked(token) || this.#needs.isNeeded(token.clusterName);
  }

  #isStale(token: Token): boolean {
    return isParked(token) && this.#needs.isWorkedOn(token.clusterName);
  }
}

function staleRead({ clusterName }: Token): StaleReadError {
  return new StaleReadError(`the list of tokens was begun before cluster ${clusterName} came here`);
}

/** Tokens of both kinds, held as one. A name can be taken by one of each, and a cluster has room for one of a name. */
export class TokenSources {
  readonly v3: TokenStore;
  /** Whole, all of them: work begins without them where they cannot be read, and what is not known whole must not be judged. */
  readonly ext = new Store<Token>();
  /** Names that both kinds have, and what of the two decides which one a cluster gets. */
  readonly #shared = new Map<string, string>();
  readonly #listeners: ((token: Token) => void)[] = [];

  /** @param held - what everybody else reads; written here only */
  constructor(held: Store<Token>, needs: TokenNeeds) {
    this.v3 = new TokenStore(needs);
    for (const store of [this.v3, this.ext]) {
      store.onChange((event) => {
        const { object } = event;
        this.#settle(object.name);
        if (event.type === 'deleted') held.remove(object, event.how);
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
