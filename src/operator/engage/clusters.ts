// engage/: begins and ends work on each cluster.

import { setTimeout as delay } from 'node:timers/promises';
import { ANNOTATION_ALLOW_GC, apiVersionOf, CLUSTER_PROPAGATIONS, CLUSTERS } from '../../api/names.ts';
import type { Token } from '../../api/types.ts';
import { isAlreadyExists, isObjectMissing } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import { ClusterPropagator } from '../propagate/propagator.ts';
import type { PropagatorDeps } from '../propagate/propagator-deps.ts';
import { WorkQueue } from '../propagate/workqueue.ts';
import { PropagationStatusWriter } from '../report/status-writer.ts';
import { asksForAce, clusterSettings, isRelevant } from '../upstream/cluster-settings.ts';

export interface ClustersDeps
  extends Omit<PropagatorDeps, 'isAwaitedElsewhere' | 'statusChanged' | 'publishStatus' | 'allowanceUsed'> {
  readonly client: KubeClient;
  /** Merge patch of a ClusterPropagation's status. @throws {ApiError | ConnectionError | FencedError} */
  writeStatus(cluster: string, patch: object): Promise<void>;
}

/** How long a token that was moved may be held in its old cluster while the new one is getting it. */
const MOVE_LIMIT_MS = 10_000;
const STOP_LIMIT_MS = 3_000;

/** All clusters: makes a propagator for each that is our business, and keeps its settings current. */
export class Clusters {
  readonly #deps: ClustersDeps;
  readonly #queue = new WorkQueue();
  readonly #propagators = new Map<string, ClusterPropagator>();
  readonly #writers = new Map<string, PropagationStatusWriter>();
  readonly #movingSinceMs = new Map<string, number>();
  #worker: Promise<void> | undefined;

  constructor(deps: ClustersDeps) {
    this.#deps = deps;
  }

  propagators(): Iterable<ClusterPropagator> {
    return this.#propagators.values();
  }

  enqueueCluster(cluster: string): void {
    this.#queue.add(cluster, 'normal');
  }

  /** Begins to act. Before this, events only gather. Call when the management stores are filled. */
  start(): void {
    const { management } = this.#deps;
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
        this.#deps.log.warn('cluster settings not read', { cluster: name, error });
        this.#queue.addRateLimited(name);
      } finally {
        this.#queue.done(name);
      }
    }
  }

  /** Reads what management says of one cluster, and passes it on. Safe to repeat. */
  async #reconcile(name: string): Promise<void> {
    const { management, live } = this.#deps;
    // One that we began to work on is ours until it is drained, whatever was deleted since.
    if (!isRelevant(name, management) && !this.#propagators.has(name)) return;
    const cluster = management.clusters.get(name);
    // A cluster that is merely not in our store must not be drained.
    const isGone = cluster === undefined && (await live.get({ resource: CLUSTERS, name })) === undefined;
    await this.#ensurePropagation(name, asksForAce(cluster));
    // Stopped meanwhile: a propagator that is made now would never be stopped.
    if (this.#queue.isClosed) return;
    const propagator = this.#propagators.get(name) ?? this.#add(name);
    await propagator.configure(clusterSettings(name, management, isGone, propagator.settings));
  }

  #add(name: string): ClusterPropagator {
    const propagator = new ClusterPropagator(name, {
      ...this.#deps,
      isAwaitedElsewhere: (token) => this.#isAwaitedElsewhere(token),
      statusChanged: (cluster) => this.#statusChanged(cluster),
      publishStatus: async (cluster) => this.#writers.get(cluster)?.publish(),
      allowanceUsed: (cluster) => void this.#useAllowance(cluster),
    });
    this.#propagators.set(name, propagator);
    this.#writers.set(
      name,
      new PropagationStatusWriter({
        cluster: name,
        source: propagator,
        log: this.#deps.log,
        now: this.#deps.now,
        written: () => this.#deps.management.propagations.get(name)?.status,
        write: (patch) => this.#deps.writeStatus(name, patch),
      }),
    );
    return propagator;
  }

  async #ensurePropagation(name: string, isWanted: boolean): Promise<void> {
    if (!isWanted || this.#deps.management.propagations.get(name)) return;
    try {
      await this.#deps.client.create(CLUSTER_PROPAGATIONS, {
        apiVersion: apiVersionOf(CLUSTER_PROPAGATIONS),
        kind: CLUSTER_PROPAGATIONS.kind,
        metadata: { name },
        spec: {},
      });
    } catch (error) {
      if (!isAlreadyExists(error)) throw error;
    }
  }

  #isAwaitedElsewhere(token: Token): boolean {
    const target = this.#propagators.get(token.clusterName);
    if (!target || target.isSettledFor(token)) {
      this.#movingSinceMs.delete(token.uid);
      return false;
    }
    const sinceMs = this.#movingSinceMs.get(token.uid) ?? this.#deps.now();
    this.#movingSinceMs.set(token.uid, sinceMs);
    if (this.#deps.now() - sinceMs < MOVE_LIMIT_MS) return true;
    this.#movingSinceMs.delete(token.uid);
    return false;
  }

  #statusChanged(cluster: string): void {
    this.#writers.get(cluster)?.changed();
  }

  async #useAllowance(name: string): Promise<void> {
    try {
      const patch = { metadata: { annotations: { [ANNOTATION_ALLOW_GC]: null } } };
      await this.#deps.client.patch({ resource: CLUSTER_PROPAGATIONS, name }, patch);
    } catch (error) {
      if (!isObjectMissing(error)) this.#deps.log.warn('allowance not removed', { cluster: name, error });
    }
  }
}
