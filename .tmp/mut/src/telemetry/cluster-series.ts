import type { Counter, Gauge, Histogram } from 'prom-client';

/** Why somebody's access had to be taken away: the token itself, its user, or the time. */
export const REVOCATION_CAUSES = ['token', 'user', 'expiry'] as const;
export type RevocationCause = (typeof REVOCATION_CAUSES)[number];

/** What is counted for one cluster on the hot path, with its series bound once. */
export interface ClusterSeries {
  /** An object was written. */
  changed(verb: string, kind: string): void;
  /** A change was written, and seen to be there. */
  propagated(seconds: number): void;
  /** An access was taken away, and seen to be gone. */
  revoked(cause: RevocationCause, seconds: number): void;
}

/**
 * Binds the series of a cluster, and makes them exist with 0: Prometheus cannot tell an increase from a series that
 * begins with 1.
 */
export function bindClusterSeries(
  cluster: string,
  metrics: { changes: Counter; propagationLag: Histogram; revocationLag: Histogram },
): ClusterSeries {
  const { changes, propagationLag, revocationLag } = metrics;
  propagationLag.zero({ cluster });
  for (const cause of REVOCATION_CAUSES) revocationLag.zero({ cluster, cause });
  const propagation = propagationLag.labels({ cluster });
  const revocations = {
    token: revocationLag.labels({ cluster, cause: 'token' }),
    user: revocationLag.labels({ cluster, cause: 'user' }),
    expiry: revocationLag.labels({ cluster, cause: 'expiry' }),
  };
  return {
    changed: (verb, kind) => changes.inc({ cluster, verb, kind }),
    propagated: (seconds) => propagation.observe(seconds),
    revoked: (cause, seconds) => revocations[cause].observe(seconds),
  };
}

/**
 * Removes every series of clusters that are no more. By what stands in the metric and not by what was there at the last scrape: a
 * cluster may come and go between two of them, and what ends late counts once more.
 */
export async function keepClusters(
  metric: Counter | Gauge | Histogram,
  clusters: ReadonlySet<string>,
): Promise<void> {
  const { values } = await metric.get();
  for (const { labels } of values) {
    const cluster = labels['cluster'];
    if (cluster === undefined || clusters.has(String(cluster))) continue;
    const { le: _bucket, ...own } = labels as Record<string, string | number>;
    metric.remove(own);
  }
}
