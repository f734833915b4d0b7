import type { ShardElector } from '../../kube/sharding/shard-elector.ts';
import type { Metrics } from '../../telemetry/metrics.ts';

/** Shards, as far as they are scraped. */
export type ScrapedShards = Pick<ShardElector, 'ownership' | 'moves' | 'owns'>;

/** Tells which shards this replica has, since when, and how they came and went. Made at the start, asked at each scrape. */
export class ShardGauges {
  readonly #metrics: Metrics;
  readonly #shards: ScrapedShards | undefined;
  /** What was counted until the last scrape. */
  #told = { acquired: 0, released: 0, lost: 0 };

  constructor(metrics: Metrics, shards: ScrapedShards | undefined) {
    this.#metrics = metrics;
    this.#shards = shards;
  }

  publish(): void {
    if (!this.#shards) return;
    const { shardOwner, shardSince, shardMoves, shards } = this.#metrics;
    const ownership = this.#shards.ownership();
    shards.set(ownership.length);
    shardOwner.reset();
    shardSince.reset();
    for (const { shard, sinceMs } of ownership) {
      if (!this.#shards.owns(shard)) continue;
      shardOwner.set({ shard }, 1);
      shardSince.set({ shard }, sinceMs / 1_000);
    }
    const { moves } = this.#shards;
    for (const move of ['acquired', 'released', 'lost'] as const)
      shardMoves.inc({ move }, moves[move] - this.#told[move]);
    this.#told = { ...moves };
  }
}
