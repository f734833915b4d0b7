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
}

/**
 * What this installation has in a cluster under other cluster ids: of a Cluster that is no more, which is to be taken over or
 * taken away, and of one that is there and leads to the same API server, which stays.
 */
export class OtherIds {
  readonly #deps: OtherIdsDeps;
  #sibling: string | undefined;

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

  /**
   * Looks which ids there are, and asks the management plane about them.
   *
   * @returns whether something is known to be left over that was not known before
   */
  look(): Promise<boolean> {
    const ids = [...(this.#deps.observed()?.otherIds() ?? [])];
    this.#sibling = ids.find((id) => this.#deps.installation.isInUse(id));
    return this.#deps.earlierIds.ask(ids);
  }
}
