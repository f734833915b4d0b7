import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Everything the operator counts. Labels are clusters and closed enums, never tokens or users. */
export class Metrics {
  readonly registry = new Registry();
  #beforeScrape: () => void = () => {};
  readonly requests = this.#counter(
    'ace_api_requests_total',
    'API requests by cluster, verb and HTTP status (0: no answer)',
    ['cluster', 'verb', 'code'],
  );
  readonly reconciles = this.#counter('ace_reconciles_total', 'Keys worked, by result', [
    'cluster',
    'result',
  ]);
  readonly changes = this.#counter('ace_changes_total', 'Objects written downstream, by verb and kind', [
    'cluster',
    'verb',
    'kind',
  ]);
  readonly watchRestarts = this.#counter(
    'ace_watch_restarts_total',
    'Watches that ended and were resumed or relisted',
    ['cluster', 'reason'],
  );
  readonly corrections = this.#counter(
    'ace_relist_corrections_total',
    'Differences that a relist found and a watch had not told',
    ['cluster'],
  );
  readonly events = this.#counter('ace_events_total', 'Kubernetes Events, by outcome', ['outcome']);
  readonly tokens = this.#gauge('ace_tokens', 'Tokens of a cluster by state', ['cluster', 'state']);
  readonly refused = this.#gauge('ace_tokens_refused', 'Tokens of a cluster that are refused, by reason', [
    'cluster',
    'reason',
  ]);
  readonly connected = this.#gauge('ace_cluster_connected', '1 while the cluster is connected', ['cluster']);
  readonly problems = this.#gauge('ace_cluster_problem', '1 for the reason why a cluster is not ready', [
    'cluster',
    'reason',
  ]);
  readonly queueDepth = this.#gauge('ace_workqueue_depth', 'Keys that wait for a worker', ['cluster']);
  readonly queueAge = this.#gauge('ace_workqueue_oldest_seconds', 'Age of the key that has waited longest', [
    'cluster',
  ]);
  readonly leader = this.#gauge('ace_leader', '1 while this replica may write', []);
  readonly hashesPending = this.#gauge('ace_hashes_pending', 'Hashes in the making', []);
  readonly reconcileSeconds = new Histogram({
    name: 'ace_reconcile_duration_seconds',
    help: 'Time a worker spent on one key',
    buckets: [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 20],
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** `fill` runs before each scrape: what can be counted when asked need not be kept up to date. */
  beforeScrape(fill: () => void): void {
    this.#beforeScrape = fill;
  }

  /** The text that Prometheus reads. */
  async scrape(): Promise<string> {
    this.#beforeScrape();
    return this.registry.metrics();
  }

  /** Series of clusters and reasons that are no more must not linger. */
  resetClusterGauges(): void {
    for (const gauge of [
      this.tokens,
      this.refused,
      this.connected,
      this.problems,
      this.queueDepth,
      this.queueAge,
    ]) {
      gauge.reset();
    }
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
