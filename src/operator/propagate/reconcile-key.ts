import type { Connection } from '../../clusters/connection.ts';
import type { Mode } from '../../derive/cluster-facts.ts';
import type { Result } from '../decide/plan.ts';
import type { WorkQueue } from '../queue/workqueue.ts';
import { reconcile } from '../reconcile/reconcile.ts';
import type { Work } from '../reconcile/work.ts';
import type { Worked, WriteObserver } from '../report/lag.ts';
import type { Outcomes } from '../report/outcomes.ts';
import type { OtherIds } from '../sweep/other-ids.ts';
import type { Sweeper } from '../sweep/sweeper.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import type { PropagatorDeps } from './propagator-deps.ts';
import { rulesOf } from './rules.ts';

/** The cluster that a key is worked for. */
export interface WorkedCluster {
  readonly name: string;
  readonly mode: Mode;
  readonly settings: ClusterSettings | undefined;
  readonly queue: WorkQueue;
  readonly outcomes: Outcomes;
  /** To be told of the writes of a key. */
  writesOf(worked: Worked): WriteObserver;
  readonly otherIds: Pick<OtherIds, 'isLeftOver'>;
  /** Another cluster answers in its place. */
  readonly isElsewhere: boolean;
}

/**
 * Makes one key of one cluster match, with all that this cluster and the plane it belongs to know at this moment.
 *
 * @throws whatever a request throws that could not be carried out: the worker tries the key again
 */
export async function reconcileKey(
  key: string,
  connection: Connection,
  cluster: WorkedCluster,
  sweeper: Pick<Sweeper, 'blocked' | 'request' | 'isApproved'>,
  deps: PropagatorDeps,
): Promise<Result> {
  const { name, queue, outcomes } = cluster;
  const result = await reconcile(key, workOf(key, connection, cluster, sweeper, deps));
  if (cluster.isElsewhere) return result;
  const { management } = deps.upstream;
  const { observed } = connection;
  const { books, clocks } = deps;
  books.syncBack.later(key, { name, management, observed, queue, outcomes, now: clocks.now });
  return result;
}

function workOf(
  key: string,
  { client, observed }: Connection,
  cluster: WorkedCluster,
  sweeper: Pick<Sweeper, 'blocked' | 'request' | 'isApproved'>,
  deps: PropagatorDeps,
): Work {
  const { upstream, engagement, hashing, reports } = deps;
  const { name, mode, settings, queue, outcomes, otherIds } = cluster;
  const writes = cluster.writesOf({ key, mode, observed, queuedAtMs: queue.queuedAtMs(key) });
  return {
    rules: () => rulesOf(name, cluster.settings, cluster.isElsewhere, deps),
    upstream: {
      ...upstream,
      isAllowed: (each) => sweeper.isApproved(each) || otherIds.isLeftOver(each),
      awaitedElsewhereSinceMs: (token) => engagement.handover.awaitedElsewhereSinceMs(token, name),
    },
    downstream: { client, observed, writes, adopts: settings?.spec.adopt ?? false },
    hashes: hashing.hashes,
    ledger: {
      ...{ outcomes, queue },
      // A blocked sweep waits for a person, not for another sweep.
      requestSweep: () => sweeper.blocked ?? sweeper.request(),
      notify: (about, notice) =>
        about === 'cluster' ? reports.notifyCluster(name, notice) : reports.notifyToken(about, notice),
    },
  };
}
