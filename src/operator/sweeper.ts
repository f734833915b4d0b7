import type { PropagationSpec } from '../api/types.ts';
import type { Connection } from '../clusters/connection.ts';
import type { PropagatorDeps } from './propagator-deps.ts';
import { planSweep, type SweepPlan } from './sweep.ts';
import type { WorkQueue } from './workqueue.ts';

/** Requests that come together make one sweep. */
const GATHER_MS = 1_000;

interface Swept {
  readonly name: string;
  readonly spec: PropagationSpec;
  readonly allowsGc: boolean;
  readonly queue: WorkQueue;
  readonly connection: Connection | undefined;
}

/** Runs sweeps of one cluster: on connect, on request, and every so often; remembers what they allowed. */
export class Sweeper {
  readonly #cluster: Swept;
  readonly #deps: PropagatorDeps;
  readonly #onChange: () => void;
  #approved: ReadonlySet<string> = new Set();
  #unreviewed: Set<string> | undefined;
  #blocked: SweepPlan['blocked'];
  #timer: NodeJS.Timeout | undefined;

  constructor(cluster: Swept, deps: PropagatorDeps, onChange: () => void) {
    this.#cluster = cluster;
    this.#deps = deps;
    this.#onChange = onChange;
  }

  /** Every key that the first sweep of this connection named has been worked. */
  get reviewed(): boolean {
    return this.#unreviewed?.size === 0;
  }

  get blocked(): SweepPlan['blocked'] {
    return this.#blocked;
  }

  isApproved(key: string): boolean {
    return this.#approved.has(key);
  }

  /** Sweeps soon. */
  request(): void {
    if (this.reviewed) this.#plan(GATHER_MS);
  }

  /** Sweeps now, if the cluster is connected. */
  run(): void {
    const { connection, name, spec, queue } = this.#cluster;
    if (!connection) return;
    const { management, evidence, log } = this.#deps;
    const plan = planSweep(name, connection.observed, management, evidence, spec);
    const allowed = plan.blocked !== undefined && this.#cluster.allowsGc;
    const blocked = allowed ? undefined : plan.blocked;
    this.#approved = new Set(blocked ? [] : plan.orphans);
    if (blocked && !this.#blocked) this.#tellBlocked(blocked);
    this.#blocked = blocked;
    if (allowed) this.#deps.allowanceUsed(name);
    this.#unreviewed ??= new Set(plan.keys);
    for (const key of plan.keys) queue.add(key, this.#approved.has(key) ? 'revocation' : 'background');
    log.debug('sweep', { cluster: name, count: plan.keys.length });
    this.#plan(this.#deps.sweepIntervalMs * (0.8 + 0.4 * Math.random()));
    this.#onChange();
  }

  /** A worker is through with a key. */
  worked(key: string): void {
    if (this.#unreviewed?.delete(key) && this.reviewed) this.#onChange();
  }

  /** What was approved or reviewed was so for a connection that is no more. */
  disconnected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#approved = new Set();
    this.#unreviewed = undefined;
    this.#blocked = undefined;
  }

  stop(): void {
    this.disconnected();
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.run(), delayMs);
  }

  #tellBlocked(blocked: NonNullable<SweepPlan['blocked']>): void {
    this.#deps.notifyCluster(this.#cluster.name, {
      reason: 'GCBlocked',
      message: `A sweep would delete ${blocked.objects} objects whose source is absent (limit ${blocked.limit}); annotate with ace-operator.io/allow-gc=true to let it`,
      warning: true,
    });
  }
}
