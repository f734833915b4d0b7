import type { KubeObject, Observed } from '../api/types.ts';
import { hashIn } from '../derive/diff.ts';
import { type HashKind, hashKind } from '../hash/kinds.ts';
import type { Store, StoreEvent } from '../kube/store.ts';

/**
 * How many hashes of each kind a cluster holds: in Secrets that we mark, and in ClusterAuthTokens, whoever wrote them. Kept by
 * what the watches tell, so that to ask costs nothing.
 */
export class HashInventory {
  readonly #counts = new Map<HashKind, number>();

  constructor(tokens: Store<Observed>, secrets: Store<Observed>) {
    tokens.onChange((event) => this.#follow(event, inlineKind));
    secrets.onChange((event) => this.#follow(event, secretKind));
  }

  /** By kind, in order of names; kinds that are not there are left out. */
  counts(): Readonly<Partial<Record<HashKind, number>>> {
    return Object.fromEntries(
      [...this.#counts].filter(([, count]) => count > 0).toSorted(([a], [b]) => (a < b ? -1 : 1)),
    );
  }

  #follow(event: StoreEvent<Observed>, kindOf: (object: KubeObject) => HashKind | undefined): void {
    if (event.type !== 'added') this.#add(kindOf(event.old.object), -1);
    if (event.type !== 'deleted') this.#add(kindOf(event.object.object), 1);
  }

  #add(kind: HashKind | undefined, by: 1 | -1): void {
    if (kind !== undefined) this.#counts.set(kind, (this.#counts.get(kind) ?? 0) + by);
  }
}

function inlineKind(token: KubeObject): HashKind | undefined {
  const hash = hashIn(token);
  return hash === undefined ? undefined : hashKind(hash, 'inline');
}

/** One that was emptied counts, too: its token is let in by none. */
function secretKind(secret: KubeObject): HashKind | undefined {
  const isThere = typeof (secret['data'] as { hash?: unknown } | undefined)?.hash === 'string';
  return isThere ? hashKind(hashIn(secret) ?? '', 'secret') : undefined;
}
