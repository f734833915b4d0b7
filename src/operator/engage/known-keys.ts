import type { Connection } from '../../clusters/connection.ts';
import { type Key, parseKey } from '../keys.ts';

/** One cluster, as far as it is asked what it has to do with keys. */
export interface Knowing {
  readonly connection: Pick<Connection, 'observed'> | undefined;
  /** Whether it has, or had to judge, what the key stands for. */
  concerns(key: string, parsed: Key): boolean;
}

/**
 * Which clusters have to do with a key: those that have what it stands for, or had to judge it. A thousand clusters cannot all be
 * asked for each change of a token: ten thousand deletions that a list brings at once would be a turn of ten seconds, in which no
 * Lease is renewed.
 *
 * What is kept here may name too many, so each is asked. It never names too few.
 */
export class KnownKeys<Cluster extends Knowing> {
  readonly #find: (cluster: string) => Cluster | undefined;
  /** Nearly all keys are of one cluster: a set for each would be most of what this takes. */
  readonly #clusters = new Map<string, string | Set<string>>();

  /** @param find - the cluster of that name; undefined when it is worked on no more */
  constructor(find: (cluster: string) => Cluster | undefined) {
    this.#find = find;
  }

  /** Those of `named`, and those that have to do with the key. */
  *concerned(key: string, named: ReadonlySet<string>): Generator<Cluster> {
    const parsed = parseKey(key);
    for (const name of new Set([...named, ...this.#clustersOf(key)])) {
      const cluster = this.#find(name);
      const isConcerned = cluster?.concerns(key, parsed);
      if (!isConcerned) this.#removeUnlessItMayCome(key, name);
      if (cluster && (isConcerned || named.has(name))) yield cluster;
    }
  }

  /** From this turn on the cluster may have to do with the key. */
  add(key: string, cluster: string): void {
    const held = this.#clusters.get(key);
    if (held === cluster) return;
    if (held === undefined) this.#clusters.set(key, cluster);
    else if (typeof held === 'string') this.#clusters.set(key, new Set([held, cluster]));
    else held.add(cluster);
  }

  /** Nothing of the key is left there, as far as was looked. */
  ended(key: string, cluster: string): void {
    if (!this.#find(cluster)?.concerns(key, parseKey(key))) this.#removeUnlessItMayCome(key, cluster);
  }

  /** These have nothing to do with any key: in one go, for all keys are gone through. */
  forget(clusters: ReadonlySet<string>): void {
    for (const [key, held] of this.#clusters) {
      const isOver = typeof held === 'string' ? clusters.has(held) : isEmptyWithout(held, clusters);
      if (isOver) this.#clusters.delete(key);
    }
  }

  #removeUnlessItMayCome(key: string, name: string): void {
    const cluster = this.#find(name);
    if (cluster && mayComeTo(cluster.connection, parseKey(key))) return;
    const held = this.#clusters.get(key);
    if (held === name) this.#clusters.delete(key);
    else if (typeof held === 'object') held.delete(name);
    if (typeof held === 'object' && held.size === 0) this.#clusters.delete(key);
  }

  /** As they are at this moment. */
  #clustersOf(key: string): Iterable<string> {
    const held = this.#clusters.get(key) ?? [];
    return typeof held === 'string' ? [held] : [...held];
  }
}

/**
 * Whether a cluster may come to have to do with a key without a word: while it is away, and while something of that name is there,
 * whoever's it is. It may become ours because another Cluster goes.
 */
function mayComeTo(connection: Knowing['connection'], { kind, name }: Key): boolean {
  if (!connection) return true;
  const { observed } = connection;
  return kind === 'token' ? observed.holdsToken(name) : observed.forUser(name) !== undefined;
}

function isEmptyWithout(held: Set<string>, clusters: ReadonlySet<string>): boolean {
  for (const cluster of held) if (clusters.has(cluster)) held.delete(cluster);
  return held.size === 0;
}
