// engage/: begins and ends work on each cluster.

import { setTimeout as delay } from 'node:timers/promises';
import { CLUSTERS } from '../../api/names.ts';
import type { KubeClient } from '../../kube/client.ts';
import { ClusterPropagator } from '../propagate/propagator.ts';
import type { PropagatorDeps, Reports } from '../propagate/propagator-deps.ts';
import { WorkQueue } from '../propagate/workqueue.ts';
import { PropagationStatusWriter } from '../report/status-writer.ts';
import { asksForAce, clusterSettings, isRelevant } from '../upstream/cluster-settings.ts';
import { Handover } from './handover.ts';
import { createPropagation, removeAllowance } from './propagation-object.ts';

export interface ClustersDeps extends Omit<PropagatorDeps, 'handover' | 'reports' | 'configureAgain'> {
  readonly client: KubeClient;
  readonly reports: Pick<Reports, 'log' | 'metrics' | 'notifyToken' | 'notifyCluster'>;
  /** Merge patch of a ClusterPropagation's status. @throws {ApiError | ConnectionError | FencedError} */
  writeStatus(cluster: string, patch: object): Promise<void>;
}

const STOP_LIMIT_MS = 3_000;

/** All clusters: makes a propagator for each that is our business, and keeps its settings current. */
export class Clusters {
  readonly #deps: ClustersDeps;
  readonly #queue = new WorkQueue();
  readonly #propagators = new Map<string, ClusterPropagator>();
  readonly #writers = new Map<string, PropagationStatusWriter>();
  readonly #handover: Handover;
  #worker: Promise<void> | undefined;

  constructor(deps: ClustersDeps) {
    this.#deps = deps;
    this.#handover = new Handover((cluster) => this.#propagators.get(cluster), deps.now);
  }

  propagators(): Iterable<ClusterPropagator> {
    return this.#propagators.values();
  }

  enqueueCluster(cluster: string): void {
    this.#queue.add(cluster, 'normal');
  }

  /** Begins to act. Before this, events only gather. Call when the management stores are filled. */
  start(): void {
    const { management } = this.#deps.upstream;
    for (const { name } of management.clusters.list()) this.enqueueCluster(name);
    for (const { name } of management.propagations.list()) this.enqueueCluster(name);
    this.#worker = this.#work();
  }

  /** Ends everything, within {@link STOP_LIMIT_MS} even when a cluster does not answer. */
  async stop(): Promise<void> {
    this.#queue.close();
    for (const writer of this.#writers.values()) writer.stop();
    const stopped = [...this.#propagators.values()].map((propagator) => propagator.stop());
    await Promise.race([
      Promise.allSettled([...stopped, this.#worker]),
      delay(STOP_LIMIT_MS, undefined, { ref: false }),
    ]);
  }

  async #work(): Promise<void> {
    for (;;) {
      const name = await this.#queue.get();
      if (name === undefined) return;
      try {
        await this.#reconcile(name);
        this.#queue.forget(name);
      } catch (error) {
        this.#deps.reports.log.warn('cluster settings not read', { cluster: name, error });
        this.#queue.addRateLimited(name);
      } finally {
        this.#queue.done(name);
      }
    }
  }

  /** Reads what management says of one cluster, and passes it on. Safe to repeat. */
  async #reconcile(name: string): Promise<void> {
    const { management, live } = this.#deps.upstream;
    const { client } = this.#deps;
    this.#tellOthers(name);
    // One that we began to work on is ours until it is drained, whatever was deleted since.
    if (!isRelevant(name, management) && !this.#propagators.has(name)) return;
    const cluster = management.clusters.get(name);
    // A cluster that is merely not in our store must not be drained.
    const isGone = cluster === undefined && (await live.get({ resource: CLUSTERS, name })) === undefined;
    if (asksForAce(cluster) && !management.propagations.get(name))
      await createPropagation(client, name, this.#propagators.get(name)?.settings?.spec);
    // Stopped meanwhile: a propagator that is made now would never be stopped.
    if (this.#queue.isClosed) return;
    const propagator = this.#propagators.get(name) ?? this.#add(name);
    await propagator.configure(clusterSettings(name, management, isGone, propagator.settings));
  }

  /** Clusters may lead to the same API server: what one leaves there is the others' business. */
  #tellOthers(name: string): void {
    const { installation, earlierIds } = this.#deps;
    if (installation.isInUse(name)) {
      earlierIds.forget(name);
      return;
    }
    for (const other of this.#propagators.values()) if (other.name !== name) other.otherClusterWent(name);
  }

  #add(name: string): ClusterPropagator {
    const { client, reports, upstream, now } = this.#deps;
    const propagator = new ClusterPropagator(name, {
      ...this.#deps,
      handover: this.#handover,
      configureAgain: (cluster) => this.enqueueCluster(cluster),
      reports: {
        ...reports,
        statusChanged: (cluster) => this.#writers.get(cluster)?.changed(),
        publishStatus: async (cluster) => this.#writers.get(cluster)?.publish(),
        allowanceUsed: (cluster) => void removeAllowance(client, cluster, reports.log),
      },
    });
    this.#propagators.set(name, propagator);
    this.#writers.set(
      name,
      new PropagationStatusWriter({
        ...{ cluster: name, source: propagator, log: reports.log, now },
        written: () => upstream.management.propagations.get(name)?.status,
        write: (patch) => this.#deps.writeStatus(name, patch),
      }),
    );
    return propagator;
  }
}
