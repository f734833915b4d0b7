/**
 * Shards that a term may work on: those that this replica has, and since it has them everything was read anew. What the
 * replica before took away, on word that our watches have not brought yet, must not be put back.
 */
export class ReadyShards {
  readonly #waiting = new Set<number>();
  readonly #reading = new Set<number>();
  readonly #ready = new Set<number>();
  /** How often each was released. */
  readonly #turns = new Map<number, number>();

  has(shard: number): boolean {
    return this.#ready.has(shard);
  }

  /** This replica has it, whether it may be worked on yet or not. */
  isOurs(shard: number): boolean {
    return this.#ready.has(shard) || this.#reading.has(shard) || this.#waiting.has(shard);
  }

  /** It is being read for. */
  isReading(shard: number): boolean {
    return this.#reading.has(shard);
  }

  /** Another one each time that it comes back: what was begun in an earlier turn must not end in a later one. */
  turnOf(shard: number): number {
    return this.#turns.get(shard) ?? 0;
  }

  /** This replica has them from now on. */
  acquired(shards: readonly number[]): void {
    for (const shard of shards) this.#waiting.add(shard);
  }

  /** Another one has them, or is to have them. One that comes back has to wait for a reading that begins after that. */
  released(shards: readonly number[]): void {
    for (const shard of shards) {
      this.#turns.set(shard, this.turnOf(shard) + 1);
      for (const set of [this.#waiting, this.#reading, this.#ready]) set.delete(shard);
    }
  }

  /** A reading begins now, for all that wait. @returns false when there is nothing to read for */
  beginReading(): boolean {
    for (const shard of this.#waiting) this.#reading.add(shard);
    this.#waiting.clear();
    return this.#reading.size > 0;
  }

  /** The reading is done. @returns those that became ready by it */
  endReading(): ReadonlySet<number> {
    const read = new Set(this.#reading);
    for (const shard of read) this.#ready.add(shard);
    this.#reading.clear();
    return read;
  }
}
