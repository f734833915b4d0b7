import type { HashStore } from '../hash/pending.ts';
import type { Leadership } from '../kube/elector.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { ClusterPropagator } from './propagator.ts';
import type { Queues } from './watches.ts';

/** Has the gauges filled when somebody scrapes, not when something changes. */
export function publishGauges(
  metrics: Metrics,
  clusters: Pick<Queues, 'propagators'>,
  hashes: HashStore,
  leadership: Pick<Leadership, 'mayWrite'>,
): void {
  metrics.beforeScrape(() => {
    metrics.leader.set(leadership.mayWrite() ? 1 : 0);
    metrics.hashesPending.set(hashes.pending);
    metrics.resetClusterGauges();
    for (const propagator of clusters.propagators()) publishCluster(metrics, propagator);
  });
}

function publishCluster(metrics: Metrics, propagator: ClusterPropagator): void {
  const cluster = propagator.name;
  const facts = propagator.facts();
  metrics.connected.set({ cluster }, facts.connection.phase === 'connected' ? 1 : 0);
  metrics.queueDepth.set({ cluster }, propagator.queue.size);
  metrics.queueAge.set({ cluster }, propagator.queue.oldestAgeMs(Date.now()) / 1000);
  for (const state of ['synced', 'pending', 'failed'] as const) {
    metrics.tokens.set({ cluster, state }, facts.counts[state]);
  }
  for (const [reason, count] of Object.entries(facts.counts.refused))
    metrics.refused.set({ cluster, reason }, count);
  for (const reason of problemsOf(facts)) metrics.problems.set({ cluster, reason }, 1);
}

function problemsOf(facts: ReturnType<ClusterPropagator['facts']>): readonly string[] {
  return [
    ...(facts.connection.phase === 'disconnected' ? [facts.connection.reason] : []),
    ...(facts.gcBlocked ? ['GCBlocked'] : []),
    ...(facts.mode === 'propagate' ? [] : [facts.modeReason]),
    ...(facts.specProblem === undefined ? [] : ['InvalidSpec']),
  ];
}
