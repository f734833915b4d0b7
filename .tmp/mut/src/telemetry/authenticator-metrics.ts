import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { VERSION } from '../version.ts';
import { registryText, SharedScrape } from './shared-scrape.ts';
import { WATCH_ENDS } from './watch-ends.ts';

/** What is read when somebody scrapes. Ages in seconds, times in seconds since the epoch. */
export interface AuthenticatorFacts {
  readonly isReady: boolean;
  /** Monotonic counts of this process. */
  readonly hits: number;
  readonly misses: number;
  readonly hashesQueued: number;
  readonly writesPending: number;
  readonly objects: Readonly<Record<string, number>>;
  readonly ageSeconds: number;
  readonly lastSyncSeconds: number;
}

/** Everything the authenticator counts. Labels are closed enums, never tokens or users; seconds throughout. */
export class AuthenticatorMetrics {
  readonly registry = new Registry();
  /** For whoever asks, however often. */
  readonly shared = new SharedScrape(() => this.scrape());
  #facts: (() => AuthenticatorFacts) | undefined;

  readonly reviews = this.#counter(
    'ace_tokenreviews_total',
    'TokenReviews answered, by result and reason; final="false": what would let a refused token in may be on its way',
    ['result', 'reason', 'final'],
  );
  readonly seconds = this.#histogram(
    'ace_tokenreview_duration_seconds',
    'Time to answer one TokenReview',
    [],
    [0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5],
  );
  readonly requests = this.#counter(
    'ace_api_requests_total',
    'API requests by verb and HTTP status (0: no answer)',
    ['verb', 'code'],
  );
  readonly watchRestarts = this.#counter(
    'ace_watch_restarts_total',
    'Watches that ended and were resumed or relisted, by reason; timeout is their ordinary end',
    ['reason'],
  );
  readonly corrections = this.#counter(
    'ace_relist_corrections_total',
    'Differences that a relist found and no watch had told',
    [],
  );
  readonly hashSeconds = this.#histogram(
    'ace_hash_duration_seconds',
    'Time a thread took for one check, without the wait for a thread; sha3-512 and sha256 are computed inline and not measured',
    ['operation', 'algorithm'],
    [0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
  );
  readonly writeBackFailures = this.#counter(
    'ace_write_back_failures_total',
    'Last uses and refresh hints that could not be written; each is tried again',
    [],
  );
  readonly #verified = this.#counter(
    'ace_verified_lookups_total',
    'Secrets looked up among those checked before; a miss costs a hash',
    ['result'],
  );
  readonly #hashesQueued = this.#gauge('ace_hashes_queued', 'Slow checks that wait or run');
  readonly #writesPending = this.#gauge(
    'ace_write_back_pending',
    'Uses and refresh hints not written back yet',
  );
  readonly #objects = this.#gauge('ace_store_objects', 'Objects held, by kind', ['kind']);
  readonly #age = this.#gauge(
    'ace_store_age_seconds',
    'Seconds since all of this was last known to be what the API server has; since the start, when it never was',
  );
  readonly #lastSync = this.#gauge(
    'ace_last_sync_timestamp_seconds',
    'When all of this was last known to be what the API server has; 0 for never',
  );
  readonly #ready = this.#gauge('ace_ready', '1 while /readyz says so: there is something to judge by');
  readonly buildInfo = this.#gauge('ace_build_info', 'Always 1; the version that runs', ['version']);

  constructor() {
    collectDefaultMetrics({ register: this.registry });
    this.buildInfo.set({ version: VERSION }, 1);
    for (const reason of WATCH_ENDS) this.watchRestarts.inc({ reason }, 0);
  }

  /** `facts` are asked for before each scrape. */
  beforeScrape(facts: () => AuthenticatorFacts): void {
    this.#facts = facts;
  }

  /**
   * Makes every outcome of a review exist with 0: Prometheus cannot tell an increase from a series that begins with 1.
   *
   * @param reasons - by result
   */
  expectReviews(reasons: Readonly<Record<string, readonly string[]>>): void {
    for (const [result, each] of Object.entries(reasons)) {
      for (const reason of each) {
        if (result !== 'refused') this.reviews.inc({ result, reason }, 0);
        else for (const final of ['true', 'false']) this.reviews.inc({ result, reason, final }, 0);
      }
    }
  }

  /** The text that Prometheus reads, as of now. */
  async scrape(): Promise<string> {
    const facts = this.#facts?.();
    if (facts) this.#show(facts);
    return registryText(this.registry);
  }

  #show(facts: AuthenticatorFacts): void {
    // They are counted elsewhere, on the authentication path, by plain numbers.
    this.#verified.reset();
    this.#verified.inc({ result: 'hit' }, facts.hits);
    this.#verified.inc({ result: 'miss' }, facts.misses);
    this.#hashesQueued.set(facts.hashesQueued);
    this.#writesPending.set(facts.writesPending);
    for (const [kind, count] of Object.entries(facts.objects)) this.#objects.set({ kind }, count);
    this.#age.set(facts.ageSeconds);
    this.#lastSync.set(facts.lastSyncSeconds);
    this.#ready.set(facts.isReady ? 1 : 0);
  }

  #counter(name: string, help: string, labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  #gauge(name: string, help: string, labelNames: string[] = []): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  #histogram(name: string, help: string, labelNames: string[], buckets: number[]): Histogram {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}
