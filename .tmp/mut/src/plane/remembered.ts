import type { Cluster, Propagation } from '../api/types.ts';
import type { Ways } from '../clusters/ways.ts';
import type { Reading } from './reading.ts';

/** The reads of a management plane that tell how clusters are reached. */
export interface WaysToClusters {
  cluster(id: string): Promise<Reading<Cluster | undefined>>;
  clusters(): Promise<Reading<readonly Cluster[]>>;
  propagation(id: string): Promise<Reading<Propagation | undefined>>;
  propagations(): Promise<Reading<readonly Propagation[]>>;
  ways(): Promise<Reading<Ways>>;
  installationId(): Promise<string | undefined>;
}

/** Up to so many objects are read one by one; beyond that all are read at once. */
const SINGLE_READS = 3;

/**
 * What it takes to reach clusters, read once a command: two thousand clusters are three lists, not two thousand times
 * three. Nothing that decides about a token is remembered.
 */
export class RememberedPlane {
  readonly #management: WaysToClusters;
  #ways: Promise<Reading<Ways>> | undefined;
  #installation: Promise<string | undefined> | undefined;
  #clusters!: Remembered<Cluster>;
  #propagations!: Remembered<Propagation>;

  constructor(management: WaysToClusters) {
    this.#management = management;
    this.forget();
  }

  /** What is asked for next is read anew. */
  forget(): void {
    const management = this.#management;
    this.#ways = undefined;
    this.#installation = undefined;
    this.#clusters = new Remembered(
      (id) => management.cluster(id),
      () => management.clusters(),
    );
    this.#propagations = new Remembered(
      (id) => management.propagation(id),
      () => management.propagations(),
    );
  }

  /** What has been listed for other ends is not read again. */
  learn(listed: {
    readonly clusters?: Reading<readonly Cluster[]>;
    readonly propagations?: Reading<readonly Propagation[]>;
  }): void {
    if (listed.clusters) this.#clusters.learn(listed.clusters);
    if (listed.propagations) this.#propagations.learn(listed.propagations);
  }

  ways(): Promise<Reading<Ways>> {
    this.#ways ??= this.#management.ways();
    return this.#ways;
  }

  installationId(): Promise<string | undefined> {
    this.#installation ??= this.#management.installationId();
    return this.#installation;
  }

  cluster(id: string): Promise<Reading<Cluster | undefined>> {
    return this.#clusters.get(id);
  }

  propagation(id: string): Promise<Reading<Propagation | undefined>> {
    return this.#propagations.get(id);
  }
}

class Remembered<T extends { readonly name: string }> {
  readonly #one: (id: string) => Promise<Reading<T | undefined>>;
  readonly #all: () => Promise<Reading<readonly T[]>>;
  readonly #singles = new Map<string, Promise<Reading<T | undefined>>>();
  #byName: Promise<Reading<ReadonlyMap<string, T>>> | undefined;

  constructor(
    one: (id: string) => Promise<Reading<T | undefined>>,
    all: () => Promise<Reading<readonly T[]>>,
  ) {
    this.#one = one;
    this.#all = all;
  }

  learn(all: Reading<readonly T[]>): void {
    this.#byName = Promise.resolve(byName(all));
  }

  async get(id: string): Promise<Reading<T | undefined>> {
    const single = this.#singles.get(id);
    if (single) return single;
    if (!this.#byName && this.#singles.size < SINGLE_READS) {
      const read = this.#one(id);
      this.#singles.set(id, read);
      return read;
    }
    this.#byName ??= this.#readAll();
    const all = await this.#byName;
    return all.ok ? { ok: true, value: all.value.get(id) } : all;
  }

  async #readAll(): Promise<Reading<ReadonlyMap<string, T>>> {
    return byName(await this.#all());
  }
}

function byName<T extends { readonly name: string }>(
  all: Reading<readonly T[]>,
): Reading<ReadonlyMap<string, T>> {
  return all.ok ? { ok: true, value: new Map(all.value.map((one) => [one.name, one])) } : all;
}
