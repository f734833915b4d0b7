import type { ClusterFacts } from '../derive/status.ts';
import type { HashStore } from '../hash/pending.ts';
import type { Leadership } from '../kube/elector.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { Freshness } from './freshness.ts';
import type { ClusterPropagator } from './propagator.ts';

/** Has the gauges filled when somebody scrapes, not when something changes. */
export function publishGauges(
  metrics: Metrics,
  propagators: () => Iterable<ClusterPropagator>,
  hashes: Pick<HashStore, 'pending'>,
  freshness: Freshness,
  leadership: Pick<Leadership, 'mayWrite'>,
): void {
  metrics.beforeScrape(() => {
    const nowMs = Date.now();
    metrics.leader.set(leadership.mayWrite() ? 1 : 0);
    metrics.hashesPending.set(hashes.pending);
    metrics.managementAge.set(freshness.ageSeconds(nowMs));
    metrics.resetClusterGauges();
    const clusters: string[] = [];
    for (const propagator of propagators()) {
      const facts = propagator.facts();
      if (isOver(facts)) continue;
      publishCluster(metrics, propagator, facts, nowMs);
      clusters.push(propagator.name);
    }
    return clusters;
  });
}

/** A deleted cluster with nothing of ours left in it. One that is merely without ACE is still somebody's cluster. */
function isOver({ modeReason, connection }: ClusterFacts): boolean {
  return modeReason === 'ClusterDeleted' && connection.phase === 'ended';
}

function publishCluster(
  metrics: Metrics,
  propagator: ClusterPropagator,
  facts: ClusterFacts,
  nowMs: number,
): void {
  const cluster = propagator.name;
  const { phase } = facts.connection;
  if (phase !== 'ended') metrics.connected.set({ cluster }, phase === 'connected' ? 1 : 0);
  metrics.queueDepth.set({ cluster }, propagator.queue.size);
  metrics.queueAge.set({ cluster }, propagator.queue.oldestAgeMs(nowMs) / 1000);
  metrics.longestWorked.set({ cluster }, propagator.queue.longestWorkedMs(nowMs) / 1000);
  metrics.pendingRevocations.set({ cluster }, propagator.lag.pending.revocations);
  metrics.oldestRevocation.set({ cluster }, propagator.lag.oldestOwedSeconds);
  for (const state of ['synced', 'pending', 'failed'] as const) {
    metrics.tokens.set({ cluster, state }, facts.counts[state]);
  }
  for (const [reason, count] of Object.entries(facts.counts.refused))
    metrics.refused.set({ cluster, reason }, count);
  for (const reason of problemsOf(facts)) metrics.problems.set({ cluster, reason }, 1);
}

function problemsOf(facts: ClusterFacts): readonly string[] {
  return [
    ...(facts.connection.phase === 'disconnected' ? [facts.connection.reason] : []),
    ...(facts.gcBlocked ? ['GCBlocked'] : []),
    ...(facts.mode === 'propagate' ? [] : [facts.modeReason]),
    ...(facts.specProblem === undefined ? [] : ['InvalidSpec']),
    ...(facts.suspended ? ['Suspended'] : []),
  ];
}
