import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../version.ts';
import { bindClusterSeries, type ClusterSeries, keepClusters } from './cluster-series.ts';
import { registryText, SharedScrape } from './shared-scrape.ts';
import { WATCH_ENDS } from './watch-ends.ts';

/** From a write over the local network to a cluster that was away for a day. */
const LAG_BUCKETS = [
  0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3_600, 21_600, 86_400,
];

const RECONCILE_RESULTS = ['ok', 'retry', 'terminal'];

/** What the management plane is called among the clusters. */
const MANAGEMENT = 'management';

/** Everything the operator counts. Labels are clusters and closed enums, never tokens or users; seconds throughout. */
export class Metrics {
  readonly registry = new Registry();
  /** For whoever asks, however often. */
  readonly shared = new SharedScrape(() => this.scrape());
  #fill: () => readonly string[] = () => [];

  readonly requests = this.#counter(
    'ace_api_requests_total',
    'API requests by cluster (management: the management plane), verb and HTTP status (0: no answer)',
    ['cluster', 'verb', 'code'],
  );
  readonly reconciles = this.#counter(
    'ace_reconciles_total',
    'Keys worked, by result: ok, retry, terminal (not tried again before something changes)',
    ['cluster', 'result'],
  );
  readonly changes = this.#counter('ace_changes_total', 'Objects written downstream, by verb and kind', [
    'cluster',
    'verb',
    'kind',
  ]);
  readonly watchRestarts = this.#counter(
    'ace_watch_restarts_total',
    'Watches that ended and were resumed or relisted, by reason; timeout is their ordinary end',
    ['cluster', 'reason'],
  );
  readonly corrections = this.#counter(
    'ace_relist_corrections_total',
    'Differences that a relist found and no watch had told',
    ['cluster'],
  );
  readonly events = this.#counter('ace_events_total', 'Kubernetes Events, by outcome', ['outcome']);
  readonly tokens = this.#gauge(
    'ace_tokens',
    'Tokens of a cluster by state: synced, pending, failed; those that are refused are in ace_tokens_refused',
    ['cluster', 'state'],
  );
  readonly refused = this.#gauge('ace_tokens_refused', 'Tokens of a cluster that are refused, by reason', [
    'cluster',
    'reason',
  ]);
  readonly connected = this.#gauge(
    'ace_cluster_connected',
    '1 while the cluster is connected, 0 while it should be and is not; absent once it is drained',
    ['cluster'],
  );
  readonly problems = this.#gauge('ace_cluster_problem', '1 for each reason why a cluster is not ready', [
    'cluster',
    'reason',
  ]);
  readonly credentialsExpire = this.#gauge(
    'ace_credentials_expiration_timestamp_seconds',
    'When the credential by which the cluster is reached ends, as it says itself (bound token, client certificate); absent where it has no known end',
    ['cluster'],
  );
  readonly credentialsIssued = this.#gauge(
    'ace_credentials_issued_timestamp_seconds',
    'When that credential was made, as it says itself; absent where its end or its beginning is not known',
    ['cluster'],
  );
  readonly queueDepth = this.#gauge('ace_workqueue_depth', 'Keys that wait for a worker', ['cluster']);
  readonly queueAge = this.#gauge('ace_workqueue_oldest_seconds', 'Age of the key that has waited longest', [
    'cluster',
  ]);
  readonly longestWorked = this.#gauge(
    'ace_workqueue_longest_running_seconds',
    'How long the key that has been worked longest is worked by now',
    ['cluster'],
  );
  readonly pendingRevocations = this.#gauge(
    'ace_revocations_pending',
    'Revocations (of tokens and of users) that are known and have not arrived in the cluster',
    ['cluster'],
  );
  readonly oldestRevocation = this.#gauge(
    'ace_revocation_oldest_pending_seconds',
    'Age of the oldest revocation that a watch told of or a sweep found, and that has not arrived in the cluster; 0 when none is owed. Without expired tokens, which are refused by what stands in them',
    ['cluster'],
  );
  readonly unseen = this.#gauge(
    'ace_cluster_unseen',
    '1 while this process has not compared the whole cluster yet: revocations are then counted from what earlier processes wrote down',
    ['cluster'],
  );
  readonly hashesPending = this.#gauge('ace_hashes_pending', 'Hashes in the making', []);
  readonly managementAge = this.#gauge(
    'ace_management_age_seconds',
    'Seconds since the management plane last told something through every watch: a list, an event, a bookmark, the orderly end; a healthy one does within a minute',
    [],
  );
  readonly managementUnread = this.#gauge(
    'ace_management_unread',
    '1 for each kind, or namespace of Secrets, of the management plane that cannot be read at present; what was read of it before stays in force',
    ['resource'],
  );
  readonly managementReplaced = this.#gauge(
    'ace_management_replaced',
    '1 while another cluster answers in the place of the management plane: nothing is believed of it, and nothing is written anywhere',
    [],
  );
  readonly leader = this.#gauge('ace_leader', '1 in the process that writes, 0 in one that stands by', []);
  readonly buildInfo = this.#gauge('ace_build_info', 'Always 1; the version that runs', ['version']);
  readonly reconcileSeconds = this.#histogram(
    'ace_reconcile_duration_seconds',
    'Time a worker spent on one key',
    [],
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20],
  );
  readonly hashSeconds = this.#histogram(
    'ace_hash_duration_seconds',
    'Time a thread took for one hash, without the wait for a thread; sha3-512 is computed inline and not measured',
    ['operation', 'algorithm'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  );
  readonly propagationLag = this.#histogram(
    'ace_propagation_lag_seconds',
    'From the event that told of a change (for what a sweep finds: from the queueing of its key) until what follows from it was written and told by the watch of the cluster; only where something was written. Hashing and the absence of the cluster are included, suspension is not',
    ['cluster'],
    LAG_BUCKETS,
  );
  readonly revocationLag = this.#histogram(
    'ace_revocation_lag_seconds',
    'From the moment that a revocation was known until the watch of the cluster told that its object is gone, or that the user is disabled there. Known: cause token or user, by the event (after a restart by the sweep that found it); cause expiry, by the time that stands in the token. The absence of the cluster is included',
    ['cluster', 'cause'],
    LAG_BUCKETS,
  );

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.buildInfo.set({ version: VERSION }, 1);
  }

  /** The series of one cluster that are counted on the hot path; those of other counters begin with 0, too. */
  ofCluster(cluster: string): ClusterSeries {
    this.corrections.inc({ cluster }, 0);
    for (const reason of WATCH_ENDS) this.watchRestarts.inc({ cluster, reason }, 0);
    for (const result of RECONCILE_RESULTS) this.reconciles.inc({ cluster, result }, 0);
    return bindClusterSeries(cluster, this);
  }

  /**
   * `fill` runs before each scrape: what can be counted when asked need not be kept up to date.
   *
   * @param fill - returns the clusters that there are; series of any other are removed
   */
  beforeScrape(fill: () => readonly string[]): void {
    this.#fill = fill;
  }

  /** The text that Prometheus reads, as of now. */
  async scrape(): Promise<string> {
    await this.#keep(new Set([MANAGEMENT, ...this.#fill()]));
    return renamed(await registryText(this.registry));
  }

  /** Series of clusters and reasons that are no more must not linger. */
  resetClusterGauges(): void {
    for (const gauge of [
      this.tokens,
      this.refused,
      this.connected,
      this.problems,
      this.credentialsExpire,
      this.credentialsIssued,
      this.queueDepth,
      this.queueAge,
      this.longestWorked,
      this.pendingRevocations,
      this.oldestRevocation,
      this.unseen,
    ]) {
      gauge.reset();
    }
  }

  async #keep(clusters: ReadonlySet<string>): Promise<void> {
    const { requests, reconciles, changes, watchRestarts, corrections, propagationLag, revocationLag } = this;
    const metrics = [
      requests,
      reconciles,
      changes,
      watchRestarts,
      corrections,
      propagationLag,
      revocationLag,
    ];
    for (const metric of metrics) await keepClusters(metric, clusters);
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}

/**
 * To Prometheus the label is `ace_cluster`: `cluster` is what many installations of it, and all that gather from several,
 * put on every series to say where it was scraped. Inside of a value the quote would be escaped.
 */
function renamed(text: string): string {
  return text.replaceAll(/([{,])cluster="/g, '$1ace_cluster="');
}
