// lead/: only while this process leads does anything exist that writes.

import type { ShardListener } from '../../kube/sharding/shard-elector.ts';
import type { Log } from '../../telemetry/log.ts';
import type { ClusterPropagator } from '../propagate/propagator.ts';
import type { Queues } from '../upstream/watches.ts';
import { ReadyShards } from './ready-shards.ts';
import type { Term } from './term.ts';
import { tellFailure, untilAnswered } from './until-answered.ts';

export interface TermsDeps {
  readonly log: Log;
  /** @param shards - those that it has; undefined: it works on all clusters */
  newTerm(shards: ReadyShards | undefined): Term;
  /** Clusters are divided over replicas, and come and go by shards. */
  readonly isSharded: boolean;
}

/** One term after another: a new one begins to work only when the one before it has ended. */
export class Terms implements ShardListener, Queues {
  readonly #deps: TermsDeps;
  readonly #failed = Promise.withResolvers<never>();
  #term: Term | undefined;
  #shards: ReadyShards | undefined;
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

  /** Those of the present membership, where clusters are divided. */
  get shards(): ReadyShards | undefined {
    return this.#shards;
  }

  /** Why nothing is added anywhere while this process leads; undefined: it is. */
  get keyProblem(): string | undefined {
    return this.#term?.keyProblem;
  }

  /** None while another replica leads: its events fill our stores, and the sweep of a new term looks at everything. */
  propagators(): Iterable<ClusterPropagator> {
    return this.#term?.clusters?.propagators() ?? [];
  }

  /** None likewise. */
  concerned(key: string, named: ReadonlySet<string>): Iterable<ClusterPropagator> {
    return this.#term?.clusters?.concerned(key, named) ?? [];
  }

  enqueueCluster(cluster: string): void {
    this.#term?.clusters?.enqueueCluster(cluster);
  }

  readAtLast(): void {
    this.#term?.readAtLast();
  }

  putBack(): void {
    this.#term?.putBack();
  }

  installationKeyChanged(): void {
    const term = this.#term;
    if (!term?.clusters) return;
    const { log } = this.#deps;
    const { isWithoutKey } = term;
    const told = (error: unknown): void =>
      log.warn('installation key not read; the old one stays', { error });
    const renew = async (): Promise<void> => {
      await term.renewInstallationKey();
      // It goes with our namespace, which any replica may have made anew: only now is it certain that all is to be written into the new one.
      if (isWithoutKey) term.restoreKept();
    };
    void untilAnswered(renew, this.#ending.signal, told).catch(told);
  }

  /** Our namespace was made anew: what was kept in it is written again. */
  namespaceMade(): void {
    this.#term?.restoreKept();
  }

  elected(): void {
    this.#deps.log.info('leading');
    const ending = new AbortController();
    this.#ending = ending;
    this.#shards = this.#deps.isSharded ? new ReadyShards() : undefined;
    const shards = this.#shards;
    void this.#next(() => this.#begin(shards, ending.signal));
  }

  /** Whether this shard was acquired, and everything was read for it. */
  worksOn(shard: number): boolean {
    return this.isWorking && (this.#shards?.has(shard) ?? false);
  }

  acquired(shards: readonly number[]): void {
    this.#deps.log.info('shards acquired', { count: shards.length, detail: shards.join() });
    this.#shards?.acquired(shards);
    const { signal } = this.#ending;
    void this.#next(() => this.#untilAnswered(async () => this.#term?.acquire(signal), signal));
  }

  /** Does not wait for what is just being begun: that will find that they are gone. */
  async release(shards: readonly number[]): Promise<void> {
    this.#shards?.released(shards);
    await this.#term?.release(new Set(shards));
    this.#deps.log.info('shards released', { count: shards.length, detail: shards.join() });
  }

  lost(why: string): void {
    this.#deps.log.warn('no longer leading', { reason: 'LeaseLost', detail: why });
    void this.end();
  }

  /** Writes down what the next process has to know, as long as this one may write. Never rejects. */
  async writeDown(): Promise<void> {
    await this.#term?.clusters?.writeDown();
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

  #begin(shards: ReadyShards | undefined, signal: AbortSignal): Promise<void> {
    const term = this.#deps.newTerm(shards);
    this.#term = term;
    return this.#untilAnswered(() => term.start(signal), signal);
  }

  #untilAnswered(step: () => Promise<void>, signal: AbortSignal): Promise<void> {
    return untilAnswered(step, signal, (error) => tellFailure(error, this.#deps.log));
  }

  async #finish(): Promise<void> {
    await this.#term?.stop();
    this.#term = undefined;
  }
}
