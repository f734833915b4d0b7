import type { Lifetime } from '../../api/types.ts';
import type { ClusterFacts } from '../../derive/cluster-facts.ts';
import type { HashStore } from '../../hash/pending.ts';
import type { PlaneIdentity } from '../../kube/plane-identity.ts';
import type { ShardElector } from '../../kube/sharding/shard-elector.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import type { Lag } from './lag.ts';
import type { WatchAge } from './watch-age.ts';

/** One cluster, as far as it is scraped. */
export interface ScrapedCluster {
  readonly name: string;
  readonly queue: {
    readonly size: number;
    oldestAgeMs(nowMs: number): number;
    longestWorkedMs(nowMs: number): number;
  };
  readonly lag: Pick<Lag, 'pending' | 'oldestOwedSeconds'>;
  /** The whole cluster was compared, at least once. */
  readonly wasReviewed: boolean;
  facts(): ClusterFacts;
}

/** The management plane, as far as it is scraped. */
export interface ScrapedPlane {
  readonly watchAge: WatchAge;
  readonly unread: ReadonlyMap<string, string>;
  /** Who answers in its place. */
  readonly identity: Pick<PlaneIdentity, 'stranger'>;
}

/** Shards, as far as they are scraped. */
export interface ScrapedShards extends Pick<ShardElector, 'ownership' | 'moves'> {
  /** As many as this replica divides the clusters into. */
  readonly count: number;
  /** It is ours, and work on it has begun: one that is held and not worked on is as good as nobody's. */
  isWorkedOn(shard: number): boolean;
}

/** Has the gauges filled when somebody scrapes, not when something changes. */
export function publishGauges(
  metrics: Metrics,
  clusters: () => Iterable<ScrapedCluster>,
  hashes: Pick<HashStore, 'pending'>,
  plane: ScrapedPlane,
  ownership: { mayWrite(): boolean; readonly shards: ScrapedShards | undefined },
): void {
  const shards = new ShardGauges(metrics, ownership.shards);
  metrics.beforeScrape(() => {
    const nowMs = Date.now();
    metrics.leader.set(ownership.mayWrite() ? 1 : 0);
    shards.publish();
    metrics.hashesPending.set(hashes.pending);
    metrics.managementAge.set(plane.watchAge.ageSeconds(performance.now()));
    metrics.managementReplaced.set(plane.identity.stranger === undefined ? 0 : 1);
    metrics.managementUnread.reset();
    for (const resource of plane.unread.keys()) metrics.managementUnread.set({ resource }, 1);
    metrics.resetClusterGauges();
    const published: string[] = [];
    for (const cluster of clusters()) {
      const facts = cluster.facts();
      if (isOver(facts)) continue;
      publishCluster(metrics, cluster, facts, nowMs);
      published.push(cluster.name);
    }
    return published;
  });
}

/** A deleted cluster with nothing of ours left in it. One that is merely without ACE is still somebody's cluster. */
function isOver({ course, connection }: ClusterFacts): boolean {
  return course.reason === 'ClusterDeleted' && connection.phase === 'ended';
}

function publishCluster(
  metrics: Metrics,
  { name: cluster, queue, lag, wasReviewed }: ScrapedCluster,
  facts: ClusterFacts,
  nowMs: number,
): void {
  const { phase } = facts.connection;
  if (phase !== 'ended') {
    metrics.connected.set({ cluster }, phase === 'connected' ? 1 : 0);
    metrics.unseen.set({ cluster }, wasReviewed ? 0 : 1);
    publishLifetime(metrics, cluster, facts.place.lifetime);
  }
  metrics.queueDepth.set({ cluster }, queue.size);
  metrics.queueAge.set({ cluster }, queue.oldestAgeMs(nowMs) / 1000);
  metrics.longestWorked.set({ cluster }, queue.longestWorkedMs(nowMs) / 1000);
  metrics.pendingRevocations.set({ cluster }, lag.pending.revocations);
  metrics.oldestRevocation.set({ cluster }, lag.oldestOwedSeconds);
  for (const state of ['synced', 'pending', 'failed'] as const) {
    metrics.tokens.set({ cluster, state }, facts.counts[state]);
  }
  for (const [reason, count] of Object.entries(facts.counts.refused))
    metrics.refused.set({ cluster, reason }, count);
  for (const reason of problemsOf(facts)) metrics.problems.set({ cluster, reason }, 1);
}

function publishLifetime(metrics: Metrics, cluster: string, lifetime: Lifetime | undefined): void {
  if (!lifetime) return;
  const { fromMs, untilMs } = lifetime;
  metrics.credentialsExpire.set({ cluster }, untilMs / 1000);
  if (fromMs !== undefined) metrics.credentialsIssued.set({ cluster }, fromMs / 1000);
}

function problemsOf({ connection, course, spec, seen, keyProblem }: ClusterFacts): readonly string[] {
  return [
    ...(connection.phase === 'disconnected' ? [connection.reason] : []),
    ...(seen.gcBlocked ? ['GCBlocked'] : []),
    ...(course.mode === 'propagate' ? [] : [course.reason]),
    ...(spec.problem === undefined ? [] : ['InvalidSpec']),
    ...(keyProblem === undefined ? [] : ['InstallationKeyUnusable']),
    ...(seen.sibling === undefined ? [] : ['SharedCluster']),
    ...(spec.suspended ? ['Suspended'] : []),
  ];
}

/** Tells which shards this replica has, since when, and how they came and went. Made at the start, asked at each scrape. */
class ShardGauges {
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
    shards.set(this.#shards.count);
    shardOwner.reset();
    shardSince.reset();
    for (const { shard, sinceMs } of ownership) {
      if (!this.#shards.isWorkedOn(shard)) continue;
      shardOwner.set({ shard }, 1);
      shardSince.set({ shard }, sinceMs / 1_000);
    }
    const { moves } = this.#shards;
    for (const move of ['acquired', 'released', 'lost'] as const)
      shardMoves.inc({ move }, moves[move] - this.#told[move]);
    this.#told = { ...moves };
  }
}
