// sweep/: what of a whole cluster is to be looked at, and what of it may go.

import type { Propagation, PropagationSpec } from '../../api/types.ts';
import type { Connection } from '../../clusters/connection.ts';
import type { OtherWriter } from '../../derive/other-writer.ts';
import type { DebtKeeper } from '../debts/debt-keeper.ts';
import type { WorkQueue } from '../queue/workqueue.ts';
import type { Outcomes } from '../report/outcomes.ts';
import type { Reports } from '../report/reports.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import type { Management } from '../upstream/management.ts';
import { isExpired, judgeAllowance } from './allowance.ts';
import type { OtherIds } from './other-ids.ts';
import { lookForOthers, planSweep, type SweepPlan } from './sweep-plan.ts';

/** Requests that come together make one sweep. */
const GATHER_MS = 1_000;

interface Swept {
  readonly name: string;
  readonly spec: PropagationSpec;
  /** Undefined before the first word of management. */
  readonly settings: Pick<ClusterSettings, 'grant'> | undefined;
  readonly queue: WorkQueue;
  readonly outcomes: Outcomes;
  readonly connection: Connection | undefined;
  readonly debts: Pick<DebtKeeper, 'keys'>;
  readonly otherIds: Pick<OtherIds, 'isLeftOver'>;
}

export interface SweeperDeps {
  readonly upstream: { readonly management: Management; readonly deletions: DeletionEvidence };
  readonly reports: Reports;
  /** How often a whole cluster is compared, whatever the watches say. */
  readonly defaults: { readonly sweepIntervalMs: number };
  /** `planeNow`: by the management plane. */
  readonly clocks: { readonly now: () => number; readonly planeNow: () => number };
}

/** Runs sweeps of one cluster: on connect, on request, and every so often; remembers what they allowed. */
export class Sweeper {
  readonly #cluster: Swept;
  readonly #deps: SweeperDeps;
  readonly #onChange: () => void;
  #approved: ReadonlySet<string> = new Set();
  #unreviewed: Set<string> | undefined;
  #wasReviewed = false;
  #others: OtherWriter | undefined;
  #blocked: SweepPlan['blocked'];
  /** The annotation that was looked at; it must not open another sweep while it is still there. */
  #spent: Propagation['allowance'];
  #timer: NodeJS.Timeout | undefined;

  constructor(cluster: Swept, deps: SweeperDeps, onChange: () => void) {
    this.#cluster = cluster;
    this.#deps = deps;
    this.#onChange = onChange;
  }

  /** Every key that the first sweep of this connection named has been worked. */
  get reviewed(): boolean {
    return this.#unreviewed?.size === 0;
  }

  /** As {@link reviewed}, of this connection or an earlier one. */
  get wasReviewed(): boolean {
    return this.#wasReviewed;
  }

  /** Who else writes there, as of the last sweep; undefined before the first of this connection. */
  get others(): OtherWriter | undefined {
    return this.#others;
  }

  get blocked(): SweepPlan['blocked'] {
    return this.#blocked;
  }

  isApproved(key: string): boolean {
    return this.#approved.has(key);
  }

  /** The cluster has other settings. An annotation that went and comes back is another one, whatever it says. */
  configured(): void {
    const { allowance, isGivenAnew = false } = this.#cluster.settings?.grant ?? {};
    if (allowance === undefined || isGivenAnew) this.#spent = undefined;
  }

  /** Sweeps soon. */
  request(): void {
    if (this.reviewed) this.#plan(GATHER_MS);
  }

  /** Sweeps now, if the cluster is connected. */
  run(): void {
    const { connection, name, spec, queue, outcomes, debts } = this.#cluster;
    if (!connection) return;
    const { upstream, reports, defaults, clocks } = this.#deps;
    const { management, deletions } = upstream;
    const isLeftOver = (key: string): boolean => this.#cluster.otherIds.isLeftOver(key);
    const plan = planSweep(
      { name, spec, nowMs: clocks.now(), isLeftOver },
      connection.observed,
      management,
      deletions,
    );
    this.#others = lookForOthers(name, connection.observed, management, clocks.now());
    const blocked = this.#allows(plan.blocked) ? undefined : plan.blocked;
    this.#approved = new Set(blocked ? [] : plan.orphans);
    if (blocked && !this.#blocked) this.#tellBlocked(blocked);
    this.#blocked = blocked;
    // What had an outcome may be gone on both sides by now: nothing else would look at it again.
    const keys = new Set([...plan.keys, ...outcomes.keys(), ...debts.keys()]);
    this.#unreviewed ??= new Set(keys);
    for (const key of keys) {
      queue.add(key, plan.revocations.has(key) || this.#approved.has(key) ? 'revocation' : 'background');
    }
    reports.log.debug('sweep', { cluster: name, count: keys.size });
    this.#plan(defaults.sweepIntervalMs * (0.8 + 0.4 * Math.random()));
    this.#onChange();
  }

  /** A worker is through with a key. */
  worked(key: string): void {
    if (!this.#unreviewed?.delete(key) || !this.reviewed) return;
    this.#wasReviewed = true;
    this.#onChange();
  }

  /** What was approved or reviewed was so for a connection that is no more. */
  disconnected(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#approved = new Set();
    this.#unreviewed = undefined;
    this.#others = undefined;
    this.#blocked = undefined;
  }

  /** Each allowance is looked at once, used or not, and taken off: one that stays would open the brake some other day. */
  #allows(blocked: SweepPlan['blocked']): boolean {
    const { settings, name } = this.#cluster;
    const allowance = settings?.grant.allowance;
    if (allowance === undefined || allowance === this.#spent) return false;
    this.#spent = allowance;
    const { reports, clocks } = this.#deps;
    const wasLongAgo = isExpired(settings?.grant.allowedAtMs, clocks.planeNow());
    const verdict = judgeAllowance(allowance, blocked, this.#blocked, wasLongAgo);
    reports.allowanceUsed(name);
    if (!verdict.isAllowed) {
      reports.notifyCluster(name, { reason: 'AllowanceRefused', message: verdict.message, warning: true });
    }
    return verdict.isAllowed;
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.run(), delayMs);
  }

  #tellBlocked(blocked: NonNullable<SweepPlan['blocked']>): void {
    this.#deps.reports.notifyCluster(this.#cluster.name, {
      reason: 'GCBlocked',
      message: `A sweep would delete ${blocked.objects} objects whose source is absent (limit ${blocked.limit}); annotate with ace-operator.io/allow-gc=${blocked.objects} to let it`,
      warning: true,
    });
  }
}
