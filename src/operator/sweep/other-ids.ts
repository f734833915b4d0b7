import type { ObservedState } from '../../clusters/observed.ts';
import type { Installation } from '../../derive/ownership.ts';
import type { EarlierIds } from '../installation/earlier-ids.ts';
import { parseKey } from '../keys.ts';

export interface OtherIdsDeps {
  readonly cluster: string;
  readonly installation: Installation;
  readonly earlierIds: EarlierIds;
  /** What is there; undefined while the cluster is not connected. */
  observed(): ObservedState | undefined;
  /** Something is known to be left over that was not known before. */
  foundLeftOver(): void;
}

/**
 * What this installation has in a cluster under other cluster ids: of a Cluster that is no more, which is to be taken over or
 * taken away, and of one that is there and leads to the same API server, which stays.
 */
export class OtherIds {
  readonly #deps: OtherIdsDeps;
  #sibling: string | undefined;
  #isAsking = false;

  constructor(deps: OtherIdsDeps) {
    this.#deps = deps;
  }

  /** Another Cluster that leads to the same API server, as it was at the last {@link look}. */
  get sibling(): string | undefined {
    return this.#deps.observed() && this.#sibling;
  }

  has(id: string): boolean {
    return this.#deps.observed()?.otherIds().has(id) ?? false;
  }

  /** All that is ours of the key was written for a Cluster that does not exist any more. */
  isLeftOver(key: string): boolean {
    const { cluster, earlierIds } = this.#deps;
    const observed = this.#deps.observed();
    if (!observed) return false;
    const { kind, name } = parseKey(key);
    const ids = observed.idsOf(kind === 'token' ? observed.forToken(name) : [observed.forUser(name)]);
    return ids.size > 0 && [...ids].every((id) => id !== cluster && earlierIds.isGone(id));
  }

  /** Looks which ids there are, and asks the management plane about those that our store does not have; that is told later. */
  look(): void {
    const { installation } = this.#deps;
    const ids = [...(this.#deps.observed()?.otherIds() ?? [])];
    this.#sibling = ids.find((id) => installation.isInUse(id));
    if (!this.#isAsking) void this.#ask(ids.filter((id) => !installation.isInUse(id)));
  }

  async #ask(ids: readonly string[]): Promise<void> {
    this.#isAsking = true;
    // A sweep that comes of this asks no more: whoever makes up ids would have one follow the other without end.
    if (await this.#deps.earlierIds.ask(ids)) this.#deps.foundLeftOver();
    this.#isAsking = false;
  }
}
