/**
 * Which clusters may have to do with a key: those that have what it stands for, or had to judge it. A thousand clusters cannot all be
 * asked for each change of a token: ten thousand deletions that a list brings at once would be a turn of ten seconds, in which no
 * Lease is renewed.
 *
 * It may name too many, and whoever finds one that has nothing to do with the key says so. It never names too few.
 */
export class KnownKeys {
  /** Nearly all keys are of one cluster: a set for each would be most of what this takes. */
  readonly #clusters = new Map<string, string | Set<string>>();

  add(key: string, cluster: string): void {
    const held = this.#clusters.get(key);
    if (held === cluster) return;
    if (held === undefined) this.#clusters.set(key, cluster);
    else if (typeof held === 'string') this.#clusters.set(key, new Set([held, cluster]));
    else held.add(cluster);
  }

  /** It has nothing to do with the key, until it is added again. */
  remove(key: string, cluster: string): void {
    const held = this.#clusters.get(key);
    if (held === cluster) this.#clusters.delete(key);
    if (typeof held !== 'object') return;
    held.delete(cluster);
    if (held.size === 0) this.#clusters.delete(key);
  }

  /** These have nothing to do with any key: in one go, for all keys are gone through. */
  forget(clusters: ReadonlySet<string>): void {
    for (const key of this.#clusters.keys())
      for (const cluster of this.clustersOf(key)) if (clusters.has(cluster)) this.remove(key, cluster);
  }

  /** As they are at this moment. */
  clustersOf(key: string): readonly string[] {
    const held = this.#clusters.get(key);
    return typeof held === 'string' ? [held] : [...(held ?? [])];
  }
}
