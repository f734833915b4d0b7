import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

/** Everything the authenticator counts. Labels are closed enums, never tokens or users. */
export class AuthenticatorMetrics {
  readonly registry = new Registry();
  readonly reviews = new Counter({
    name: 'ace_tokenreviews_total',
    help: 'TokenReviews answered, by result and reason',
    labelNames: ['result', 'reason'],
    registers: [this.registry],
  });
  readonly seconds = new Histogram({
    name: 'ace_tokenreview_duration_seconds',
    help: 'Time to answer one TokenReview',
    buckets: [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
    registers: [this.registry],
  });
  readonly requests = new Counter({
    name: 'ace_api_requests_total',
    help: 'API requests by verb and HTTP status (0: no answer)',
    labelNames: ['verb', 'code'],
    registers: [this.registry],
  });
  readonly cacheHits = this.#gauge('ace_verified_hits', 'Reviews that needed no hashing');
  readonly cacheMisses = this.#gauge('ace_verified_misses', 'Reviews that needed hashing');
  readonly hashesQueued = this.#gauge('ace_hashes_queued', 'Slow checks that wait or run');
  readonly writesPending = this.#gauge(
    'ace_write_back_pending',
    'Uses and refresh hints not written back yet',
  );
  readonly objects = this.#gauge('ace_store_objects', 'Objects held, by kind', ['kind']);
  readonly staleness = this.#gauge(
    'ace_store_age_seconds',
    'Seconds since all of this was last known to be what the API server has',
  );
  #beforeScrape: () => void = () => {};

  constructor() {
    collectDefaultMetrics({ register: this.registry });
  }

  /** `fill` runs before each scrape. */
  beforeScrape(fill: () => void): void {
    this.#beforeScrape = fill;
  }

  /** The text that Prometheus reads. */
  async scrape(): Promise<string> {
    this.#beforeScrape();
    return this.registry.metrics();
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }
}
