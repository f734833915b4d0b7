// lead/: only while this process leads does anything exist that writes.

import type { LeadershipListener } from '../../kube/elector.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ClusterPropagator } from '../propagate/propagator.ts';
import type { Queues } from '../upstream/watches.ts';
import type { Term } from './term.ts';
import { tellFailure, untilAnswered } from './until-answered.ts';

export interface TermsDeps {
  readonly log: Log;
  newTerm(): Term;
}

/** One term after another: a new one begins to work only when the one before it has ended. */
export class Terms implements LeadershipListener, Queues {
  readonly #deps: TermsDeps;
  readonly #failed = Promise.withResolvers<never>();
  #term: Term | undefined;
  #ending = new AbortController();
  #last: Promise<void> = Promise.resolve();

  constructor(deps: TermsDeps) {
    this.#deps = deps;
    // Whoever waits for it is told; nobody has to.
    this.#failed.promise.catch(() => {});
  }

  /** Rejects when a term cannot begin, and trying again would not help. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** True while this process leads and has begun to work. */
  get isWorking(): boolean {
    return this.#term?.clusters !== undefined;
  }

  /** Why nothing is added anywhere while this process leads; undefined: it is. */
  get keyProblem(): string | undefined {
    return this.#term?.keyProblem;
  }

  /** None while another replica leads: its events fill our stores, and the sweep of a new term looks at everything. */
  propagators(): Iterable<ClusterPropagator> {
    return this.#term?.clusters?.propagators() ?? [];
  }

  enqueueCluster(cluster: string): void {
    this.#term?.clusters?.enqueueCluster(cluster);
  }

  installationKeyChanged(): void {
    const term = this.#term;
    if (!term?.clusters) return;
    const { log } = this.#deps;
    const told = (error: unknown): void =>
      log.warn('installation key not read; the old one stays', { error });
    void untilAnswered(() => term.renewInstallationKey(), this.#ending.signal, told).catch(told);
  }

  elected(): void {
    this.#deps.log.info('leading');
    const ending = new AbortController();
    this.#ending = ending;
    void this.#next(() => this.#begin(ending.signal));
  }

  lost(why: string): void {
    this.#deps.log.warn('no longer leading', { reason: 'LeaseLost', detail: why });
    void this.end();
  }

  /** Resolves when nothing of the present term is at work any more. */
  end(): Promise<void> {
    this.#ending.abort();
    return this.#next(() => this.#finish());
  }

  #next(step: () => Promise<void>): Promise<void> {
    this.#last = this.#last.then(step).catch((error: unknown) => this.#failed.reject(error));
    return this.#last;
  }

  #begin(signal: AbortSignal): Promise<void> {
    const { log, newTerm } = this.#deps;
    const term = newTerm();
    this.#term = term;
    return untilAnswered(
      () => term.start(signal),
      signal,
      (error) => tellFailure(error, log),
    );
  }

  async #finish(): Promise<void> {
    await this.#term?.stop();
    this.#term = undefined;
  }
}
