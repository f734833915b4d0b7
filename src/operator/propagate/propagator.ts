// propagate/: one cluster; it shares nothing that it cannot do without.

import { DEFAULT_SPEC } from '../../api/parse-cluster.ts';
import type { KubeObject, PropagationSpec, PropagationStatus, Token } from '../../api/types.ts';
import type { Connection } from '../../clusters/connection.ts';
import { ClusterIdentity } from '../../clusters/identity.ts';
import type { ClusterSession, SessionState } from '../../clusters/session.ts';
import type { ClusterFacts, Mode } from '../../derive/cluster-facts.ts';
import type { DebtKeeper } from '../debts/debt-keeper.ts';
import { type Key, type Lane, tokenKey } from '../keys.ts';
import { isSeen, keyOf, keysOf } from '../queue/changed-keys.ts';
import type { WorkerDeps } from '../queue/worker.ts';
import { Workers } from '../queue/workers.ts';
import { WorkQueue } from '../queue/workqueue.ts';
import type { Lag, Worked, WriteObserver } from '../report/lag.ts';
import type { Outcomes } from '../report/outcomes.ts';
import { Drain, drainedNotice } from '../sweep/drain.ts';
import { OtherIds } from '../sweep/other-ids.ts';
import { Sweeper } from '../sweep/sweeper.ts';
import { type ClusterSettings, isOther, logProblems } from '../upstream/cluster-settings.ts';
import type { Told } from '../upstream/watches.ts';
import { openBooks } from './books.ts';
import { clusterFacts, isSettling, type StatusSources } from './cluster-facts.ts';
import { collisionNotice, credentialsNotices, keyNotice } from './cluster-notices.ts';
import type { PropagatorDeps } from './propagator-deps.ts';
import { reconcileKey } from './reconcile-key.ts';
import { sessionStep } from './wanted-session.ts';

/** One downstream cluster's propagation: queue, workers, session and what came of it. With the others it shares only workers to spare, and the turns in which connections begin. */
export class ClusterPropagator {
  readonly name: string;
  readonly queue = new WorkQueue();
  readonly outcomes: Outcomes;
  readonly lag: Lag;
  readonly debts: DebtKeeper;
  readonly otherIds: OtherIds;
  readonly #deps: PropagatorDeps;
  readonly #sweeper: Sweeper;
  readonly #workers: Workers;
  #settings: ClusterSettings | undefined;
  #session: ClusterSession | undefined;
  #credentialsVersion: string | undefined;
  readonly #drain: Drain;
  readonly #identity: ClusterIdentity;

  constructor(name: string, deps: PropagatorDeps) {
    this.name = name;
    this.#deps = deps;
    this.#identity = new ClusterIdentity(name, (notice) => deps.reports.notifyCluster(name, notice));
    const seen = { isAway: () => !this.connection || this.isElsewhere, isElsewhere: () => this.isElsewhere };
    const books = openBooks(name, deps, seen, () => this.#changed());
    [this.outcomes, this.lag, this.debts] = [books.outcomes, books.lag, books.debts];
    // What an earlier id left here is owed once it is certain that no Cluster has that id.
    this.otherIds = new OtherIds({
      ...{ ...deps.upstream, cluster: name, observed: () => this.connection?.observed },
      foundLeftOver: () => this.queue.isClosed || this.#sweeper.run(),
    });
    this.#drain = new Drain({
      holdsOurs: () => this.#holdsOurs(),
      disproved: () => deps.engagement.configureAgain(name),
    });
    this.#sweeper = new Sweeper(this, deps, () => this.#afterSweep());
    this.#workers = new Workers(this.#workerDeps(), deps.engagement.spareWorkers);
  }

  /** What is in force; undefined before the first word of management. */
  get settings(): ClusterSettings | undefined {
    return this.#settings;
  }

  get mode(): Mode {
    return this.#settings?.course.mode ?? 'hold';
  }

  get spec(): PropagationSpec {
    return this.#settings?.spec ?? DEFAULT_SPEC;
  }

  /** The live connection with filled stores, if there is one. */
  get connection(): Connection | undefined {
    return this.#session?.connection;
  }

  /** Another cluster answers in its place: what is ours there may be taken away, and nothing else is done. */
  get isElsewhere(): boolean {
    return this.#identity.strangerUid !== undefined;
  }

  /** True when this cluster has the token, or is not going to. */
  isSettledFor(token: Token): boolean {
    if (this.mode !== 'propagate' || !this.connection) return true;
    const state = this.outcomes.get(tokenKey(token.name))?.state;
    return state !== undefined && state !== 'pending';
  }

  /** Whether this cluster has, or had to judge, what the key stands for. */
  concerns(key: string, parsed: Key): boolean {
    return this.outcomes.has(key) || this.debts.has(key) || isSeen(parsed, this.connection?.observed);
  }

  /** To be told of the writes of a key in a worker's hands. */
  writesOf(worked: Worked): WriteObserver {
    return this.#workers.timed(this.lag.writesOf(worked));
  }

  /** Another Cluster went: if it led to the same API server, what was its own is ours from now on. */
  otherClusterWent(id: string): void {
    if (this.otherIds.has(id)) this.#sweeper.run();
  }

  /** A watch of the management plane told of a change: from now on the cluster is behind. */
  noteChange(key: string, lane: Lane, told: Told = {}): void {
    const [isRevocation, isAway] = [lane === 'revocation', !this.connection];
    // Nobody deleted it: to take it away is for a sweep, here and in the next process.
    if (told.isPutBack) this.debts.unlearn(key);
    else if (!this.#drain.isDone)
      this.lag.changed({ ...told, key, isRevocation, outcome: this.outcomes.get(key), isAway });
    if (this.#deps.upstream.deletions.hasAny(key)) this.debts.deletionTold();
    this.enqueue(key, lane);
  }

  /** What holds for all clusters is otherwise now: each key is looked at again. */
  rulesChanged(): void {
    this.#sweeper.run();
    this.#changed();
  }

  /** A key of this cluster is to be looked at. */
  enqueue(key: string, lane: Lane): void {
    this.queue.add(key, lane);
  }

  /** Takes over what management says now: mode, spec, credentials. */
  async configure(settings: ClusterSettings): Promise<void> {
    const { reports, hashing } = this.#deps;
    const before = this.#settings;
    this.#settings = settings;
    logProblems(this.name, before, settings, reports.log);
    const keyProblem = before ? undefined : hashing.keyProblem();
    if (keyProblem !== undefined) reports.notifyCluster(this.name, keyNotice(keyProblem));
    this.#drain.configured(settings, before === undefined);
    this.#sweeper.configured();
    // Before the first write goes there, nobody may read that nothing of ours is left: a restart would believe it.
    if (settings.course.mode !== 'drain' && settings.wasDrained) await reports.publishStatus(this.name);
    await this.#followIdentity(settings);
    await this.#followCredentials(settings);
    if (before && isOther(before, settings)) this.#sweeper.run();
    for (const token of this.#collisions() ?? []) reports.notifyToken(token, collisionNotice(token));
    this.#changed();
  }

  /** Ends session and workers; what is being written may finish or fail. */
  async stop(): Promise<void> {
    this.#drain.stop();
    this.queue.close();
    await Promise.all([this.debts.stop(), this.#endSession()]);
    await this.#workers.ended();
  }

  get wasReviewed(): boolean {
    return this.#sweeper.wasReviewed;
  }

  facts(): ClusterFacts {
    return clusterFacts(this.#sources());
  }

  /** True when the status would be a guess: connecting, or not everything was looked at yet. */
  get isSettling(): boolean {
    return isSettling(this.#sources());
  }

  /** It is written now. */
  statusWritten(before: PropagationStatus, after: PropagationStatus): void {
    const { reports } = this.#deps;
    for (const notice of credentialsNotices(before, after)) reports.notifyCluster(this.name, notice);
  }

  /** A person accepts the cluster that answers: from now on it is this one. */
  async #followIdentity({ identity }: ClusterSettings): Promise<void> {
    const answer = this.#identity.follow(identity, this.connection !== undefined);
    if (answer === undefined) return;
    // To be made ready, and with books that count, it is connected anew.
    if (answer !== 'refused') await this.#endSession();
    if (answer === 'known') return;
    // In this order: a process that ends in between finds the acceptance again.
    await this.#deps.reports.publishStatus(this.name);
    this.#deps.reports.acceptanceUsed(this.name);
  }

  async #followCredentials(settings: ClusterSettings): Promise<void> {
    const step = sessionStep(settings, this.#credentialsVersion, this.#drain.isDone);
    if (step.kind === 'keep') return;
    const replaces = this.connection !== undefined;
    await this.#endSession();
    // Stopped meanwhile: nobody would ever end this session.
    if (step.kind === 'end' || this.queue.isClosed) return;
    this.#credentialsVersion = step.version;
    const owes = (): boolean => this.lag.pending.revocations > 0;
    const way = { access: step.access, knownUid: this.#identity.uid, owes, replaces };
    this.#session = this.#deps.sessions.open(this.name, way, {
      stateChanged: (state) => this.#sessionChanged(state),
      objectChanged: this.#objectChanged.bind(this),
    });
    this.#session.start();
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#credentialsVersion = undefined;
    this.#sweeper.disconnected();
    await session?.stop();
  }

  #sessionChanged(state: SessionState): void {
    const { log } = this.#deps.reports;
    this.#identity.seen(state);
    this.debts.connectionChanged();
    if (state.phase === 'connected') {
      log.info('cluster connected', { cluster: this.name });
      // An acceptance may wait for this, or a credential that is to be renewed.
      this.#deps.engagement.configureAgain(this.name);
      this.#sweeper.run();
    } else if (state.phase === 'disconnected') {
      this.#sweeper.disconnected();
      log.warn('cluster not connected', { cluster: this.name, reason: state.reason, detail: state.message });
    }
    this.#changed();
  }

  #objectChanged(object: KubeObject, deleted: boolean): void {
    this.#deps.engagement.keyKnown(keyOf(object), this.name);
    // While the stores fill, every object is news; the sweep that follows looks at them all.
    if (!this.connection) return;
    for (const { key, isNews } of keysOf(object, deleted, this.connection.observed))
      this.queue.addIf(key, 'normal', isNews);
    // The hashes that are there are part of the status, whoever changes them.
    this.#changed();
  }

  #workerDeps(): WorkerDeps {
    return {
      ...{ cluster: this.name, queue: this.queue, outcomes: this.outcomes },
      log: this.#deps.reports.log,
      metrics: this.#deps.reports.metrics,
      connection: () => this.connection,
      reconcile: (key, connection) => reconcileKey(key, connection, this, this.#sweeper, this.#deps),
      worked: (key) => {
        this.#sweeper.worked(key);
        this.#endDrain();
      },
    };
  }

  #sources(): StatusSources {
    return {
      ...{ settings: this.#settings, session: this.#session?.state, sweeper: this.#sweeper },
      place: {
        ...{ identity: this.#identity, sibling: this.otherIds.sibling },
        ...{ namespace: this.#deps.defaults.namespace, isDrained: this.#drain.isDone },
      },
      ...{ hashes: this.connection?.observed.hashes, outcomes: this.outcomes },
      keyProblem: this.#deps.hashing.keyProblem(),
      collisions: this.#collisions()?.length,
    };
  }

  #afterSweep(): void {
    if (this.#settings && !this.isElsewhere)
      this.#deps.engagement.keepWay(this.name, this.#settings.credentials);
    this.otherIds.look();
    this.#changed();
    this.#endDrain();
  }

  #collisions(): readonly Token[] | undefined {
    return this.#deps.upstream.management.tokenSources?.collisionsOf(this.name, this.#deps.clocks.now());
  }

  async #holdsOurs(): Promise<boolean | undefined> {
    const credentials = this.#settings?.credentials;
    if (credentials?.kind !== 'found') return undefined;
    return this.#deps.sessions.holdsOurs(this.name, credentials.access);
  }

  #endDrain(): void {
    if (this.isElsewhere || !this.#drain.ends(this.mode, this, this.#sweeper)) return;
    this.outcomes.clear();
    this.lag.clear();
    this.debts.clear();
    this.#deps.engagement.keepWay(this.name, 'drained');
    this.#deps.reports.notifyCluster(this.name, drainedNotice(this.name));
    void this.#endSession().then(() => this.#changed());
  }

  #changed(): void {
    this.#deps.reports.statusChanged(this.name);
  }
}
