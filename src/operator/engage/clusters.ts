// engage/: begins and ends work on each cluster.

import { ANNOTATION_ACCEPT_CLUSTER, ANNOTATION_ALLOW_GC, CLUSTER_PROPAGATIONS } from '../../api/names.ts';
import type { Credentials } from '../../clusters/credentials.ts';
import { withinLimit } from '../../kube/backoff.ts';
import type { DebtRecords } from '../debts/debt-records.ts';
import { ClusterPropagator } from '../propagate/propagator.ts';
import type { KeptBooks, PropagatorDeps } from '../propagate/propagator-deps.ts';
import { breathe } from '../queue/breath.ts';
import { SpareWorkers } from '../queue/spare-workers.ts';
import { WorkQueue } from '../queue/workqueue.ts';
import type { Reports } from '../report/reports.ts';
import { PropagationStatusWriter } from '../report/status-writer.ts';
import { asksForAce, clusterSettings, isRelevant } from '../upstream/cluster-settings.ts';
import { endingOf, fateOf, type Over } from './ending.ts';
import { type Destination, elsewhere, Handover } from './handover.ts';
import { followWay, forgetWay } from './kept-way.ts';
import { KnownKeys } from './known-keys.ts';
import { type PlaneWriter, PropagationObjects } from './propagation-object.ts';
import { Renewals } from './renewals.ts';

export interface ClustersDeps extends Omit<PropagatorDeps, 'engagement' | 'reports'> {
  readonly plane: PlaneWriter;
  /** False of those that another replica works on, and of those that we are not ready for. */
  mayWorkOn(cluster: string): boolean;
  /** With what is owed to clusters, these or earlier ones. */
  readonly books: KeptBooks & { readonly records: DebtRecords };
  readonly reports: Pick<Reports, 'log' | 'metrics' | 'notifyToken' | 'notifyCluster'>;
}

/**
 * One after the other when the process ends; then its Lease is given back, all within the limit of `serve`. What is ended is fenced: what
 * does not end in time writes nothing.
 */
const [WRITE_DOWN_LIMIT_MS, STOP_LIMIT_MS] = [1_000, 2_500];

/** All clusters: makes a propagator for each that is our business, and keeps its settings current. */
export class Clusters {
  readonly #deps: ClustersDeps;
  readonly #queue = new WorkQueue();
  readonly #spareWorkers = new SpareWorkers();
  readonly #knownKeys = new KnownKeys<ClusterPropagator>((name) => this.#propagators.get(name));
  readonly #propagators = new Map<string, ClusterPropagator>();
  readonly #writers = new Map<string, PropagationStatusWriter>();
  readonly #handover: Handover;
  readonly #renewals: Renewals;
  readonly #objects: PropagationObjects;
  #worker: Promise<void> | undefined;

  constructor(deps: ClustersDeps) {
    this.#deps = deps;
    const { plane, upstream, sessions, reports, clocks } = deps;
    this.#objects = new PropagationObjects(plane.clientFor);
    this.#renewals = new Renewals({
      ...{ writerFor: plane.clientFor, ownNamespace: upstream.management.ownNamespace },
      ...{ sessions, log: reports.log, now: clocks.now },
    });
    this.#handover = new Handover((to, from) => this.#destination(to, from), deps.clocks.now);
  }

  propagators(): Iterable<ClusterPropagator> {
    return this.#propagators.values();
  }

  /** Those of `named`, and those that have, or had to judge, what the key stands for. */
  concerned(key: string, named: ReadonlySet<string>): Iterable<ClusterPropagator> {
    return this.#knownKeys.concerned(key, named);
  }

  enqueueCluster(cluster: string): void {
    this.#queue.add(cluster, 'normal');
  }

  /** What holds for all of them is otherwise now. */
  rulesChanged(): void {
    for (const propagator of this.#propagators.values()) propagator.rulesChanged();
  }

  /** Begins to act. Before this, events only gather. Call when the management stores are filled. */
  start(): void {
    this.begin(() => true);
    this.#worker = this.#work();
  }

  /** These may be worked on from now on. */
  begin(isOf: (cluster: string) => boolean): void {
    const { upstream, books } = this.#deps;
    const { management } = upstream;
    const named = [...management.clusters.list(), ...management.propagations.list()].map(({ name }) => name);
    const records = books.records.found.map(({ record }) => record);
    const names = new Set([
      ...named,
      ...records.map(({ cluster }) => cluster),
      ...management.clustersOfKeptWays(),
    ]);
    // First those that a revocation is owed to: a thousand of them are not taken on in a moment.
    const owing = new Set(records.filter(({ owed }) => owed.size > 0).map(({ cluster }) => cluster));
    for (const name of names)
      if (isOf(name)) this.#queue.add(name, owing.has(name) ? 'revocation' : 'normal');
  }

  /** Another replica is to work on these: ends the work here, as {@link stop} does. */
  async release(isOf: (cluster: string) => boolean): Promise<void> {
    const names = [...this.#propagators.keys()].filter(isOf);
    const ended = names.map((name) => this.#forget(name));
    this.#knownKeys.forget(new Set(names));
    await withinLimit(ended, STOP_LIMIT_MS);
  }

  /** Has every cluster's record written, within {@link WRITE_DOWN_LIMIT_MS}: the next process knows by nothing else what is where. */
  async writeDown(): Promise<void> {
    const written = [...this.#propagators.values()].map(({ debts }) => debts.writeDown());
    await withinLimit(written, WRITE_DOWN_LIMIT_MS);
  }

  /** Ends everything, within {@link STOP_LIMIT_MS} even when a cluster does not answer. */
  async stop(): Promise<void> {
    this.#queue.close();
    for (const writer of this.#writers.values()) writer.stop();
    const stopped = [...this.#propagators.values()].map((propagator) => propagator.stop());
    await withinLimit([...stopped, this.#worker], STOP_LIMIT_MS);
  }

  async #work(): Promise<void> {
    for (;;) {
      const name = await this.#queue.get();
      if (name === undefined) return;
      try {
        await this.#reconcile(name);
        this.#queue.forget(name);
      } catch (error) {
        // Whoever works on it now will read them.
        if (!this.#deps.mayWorkOn(name)) {
          this.#queue.forget(name);
          continue;
        }
        this.#deps.reports.log.warn('cluster settings not read', { cluster: name, error });
        this.#queue.addRateLimited(name);
      } finally {
        this.#queue.done(name);
      }
      await breathe();
    }
  }

  /** Reads what management says of one cluster, and passes it on. Safe to repeat. */
  async #reconcile(name: string): Promise<void> {
    const { upstream, mayWorkOn } = this.#deps;
    const { management, live } = upstream;
    this.#tellOthers(name);
    if (!this.#isOurs(name)) return;
    const cluster = management.clusters.get(name);
    const hasObject = management.propagations.get(name) !== undefined;
    const isToBeMade = !hasObject && (asksForAce(cluster) || this.#objects.isUnmade(name));
    // A cluster that is merely not in our store must not be drained, nor one begun with that is merely still in it.
    const isAsked = cluster === undefined || isToBeMade;
    const fate = isAsked ? await fateOf(name, live, this.#objects.isUnmade(name)) : 'there';
    // Before anything is begun: what is there stays as it is.
    if (fate === 'given up') return this.#end(name, 'GivenUp');
    const isGone = fate === 'gone';
    const spec = this.#propagators.get(name)?.settings?.spec;
    const unmade = isToBeMade ? await this.#objects.make(name, spec) : undefined;
    // Stopped or given away meanwhile: a propagator that is made now would never be stopped.
    if (this.#queue.isClosed || !mayWorkOn(name)) return;
    const propagator = this.#propagators.get(name) ?? this.#add(name);
    const isGivenAnew = this.#objects.isSinceTakenOff(management.propagations.get(name));
    const said = { unmade: unmade?.why, isGivenAnew };
    await propagator.configure(clusterSettings(name, management, isGone, propagator.settings, said));
    this.#renew(propagator);
    if (isGone) await this.#endIfOver(propagator);
    // Last, and tried again with backoff like all else of this cluster.
    await this.#objects.removeSpent(name);
    if (unmade?.error !== undefined) throw unmade.error;
  }

  #renew(propagator: ClusterPropagator): void {
    const againInMs = this.#renewals.look(propagator);
    if (againInMs !== undefined) this.#queue.addAfter(propagator.name, againInMs, 'normal');
  }

  /** One that we began to work on is ours until it is drained, whatever was deleted since. */
  #isOurs(name: string): boolean {
    const { books, upstream, mayWorkOn } = this.#deps;
    const { management } = upstream;
    if (!mayWorkOn(name)) return false;
    const isKept = books.records.has(name) || management.keptWay(name) !== undefined;
    return isKept || isRelevant(name, management) || this.#propagators.has(name);
  }

  /** A deleted cluster must leave nothing here, once nothing of ours is left there. Safe to repeat. */
  async #endIfOver(propagator: ClusterPropagator): Promise<void> {
    const { books, upstream, clocks } = this.#deps;
    const { name, settings, connection } = propagator;
    const { management, live } = upstream;
    const known = management.propagations.get(name);
    // It may be there, and not be told yet.
    if (!known && (await live.get({ resource: CLUSTER_PROPAGATIONS, name })) !== undefined) return;
    const ending = endingOf({
      ...{ propagation: known, isDrained: propagator.facts().seen.drained, nowMs: clocks.now() },
      hasCredentials: settings?.credentials.kind === 'found',
      isUnmade: this.#objects.isUnmade(name),
      wasReached:
        books.records.has(name) || management.keptWay(name) !== undefined || connection !== undefined,
    });
    if (ending?.kind === 'later') this.#queue.addAfter(name, ending.delayMs, 'normal');
    if (ending?.kind === 'over') await this.#end(name, ending.why, known?.uid);
  }

  /** @param objectUid - of its ClusterPropagation, where that is to go, too */
  async #end(name: string, why: Over['why'], objectUid?: string): Promise<void> {
    const { plane, books, reports, upstream } = this.#deps;
    const isNews = this.#propagators.has(name) || books.records.has(name);
    await this.#forget(name);
    this.#knownKeys.forget(new Set([name]));
    // In this order: what is left when the process ends in between is found again, and ends in the same way.
    const client = plane.clientFor(name);
    await books.records.remove(name);
    await forgetWay(client, upstream.management, name);
    if (objectUid) await client.delete({ resource: CLUSTER_PROPAGATIONS, name }, { uid: objectUid });
    if (isNews)
      reports.log[why === 'GivenUp' ? 'warn' : 'info']('cluster is over', { cluster: name, reason: why });
  }

  async #forget(name: string): Promise<void> {
    const propagator = this.#propagators.get(name);
    this.#writers.get(name)?.stop();
    this.#writers.delete(name);
    // First: one that comes back while this one ends slowly is to have another.
    this.#propagators.delete(name);
    this.#renewals.forget(name);
    this.#objects.forget(name);
    await propagator?.stop();
  }

  async #keepWay(cluster: string, by: Credentials | 'drained'): Promise<void> {
    const { plane, upstream, reports } = this.#deps;
    // Nothing of ours is there, and nobody looks at it any more.
    if (by === 'drained') this.#knownKeys.forget(new Set([cluster]));
    const at = { client: plane.clientFor(cluster), management: upstream.management, log: reports.log };
    await followWay(cluster, by, at);
  }

  /** Clusters may lead to the same API server: what one leaves there is the others' business. */
  #tellOthers(name: string): void {
    const { installation, earlierIds } = this.#deps.upstream;
    if (installation.isInUse(name)) {
      earlierIds.forget(name);
      return;
    }
    for (const other of this.#propagators.values()) if (other.name !== name) other.otherClusterWent(name);
  }

  #destination(to: string, from: string): Destination | undefined {
    const { mayWorkOn, upstream } = this.#deps;
    return mayWorkOn(to) ? this.#propagators.get(to) : elsewhere(upstream.management, to, from);
  }

  #spend(cluster: string, annotation: string): void {
    this.#objects.spend(cluster, annotation);
    this.enqueueCluster(cluster);
  }

  #add(name: string): ClusterPropagator {
    const { plane, reports, upstream, clocks } = this.#deps;
    const propagator = new ClusterPropagator(name, {
      ...this.#deps,
      engagement: {
        spareWorkers: this.#spareWorkers,
        handover: this.#handover,
        keepWay: (cluster, by) => void this.#keepWay(cluster, by),
        configureAgain: (cluster) => this.enqueueCluster(cluster),
        keyKnown: (key, cluster) => this.#knownKeys.add(key, cluster),
        keyEnded: (key, cluster) => this.#knownKeys.ended(key, cluster),
      },
      reports: {
        ...reports,
        statusChanged: (cluster) => this.#writers.get(cluster)?.changed(),
        publishStatus: async (cluster) => this.#writers.get(cluster)?.publish(),
        allowanceUsed: (cluster) => this.#spend(cluster, ANNOTATION_ALLOW_GC),
        acceptanceUsed: (cluster) => this.#spend(cluster, ANNOTATION_ACCEPT_CLUSTER),
      },
    });
    this.#propagators.set(name, propagator);
    this.#writers.set(
      name,
      new PropagationStatusWriter({
        ...{ cluster: name, source: propagator, log: reports.log, now: clocks.now },
        written: () => upstream.management.propagations.get(name)?.status,
        write: (patch) => plane.writeStatus(name, patch),
      }),
    );
    return propagator;
  }
}
