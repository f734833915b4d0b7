import { DEFAULT_SPEC } from '../api/parse-cluster.ts';
import type { KubeObject, PropagationSpec, Token } from '../api/types.ts';
import type { Connection } from '../clusters/connection.ts';
import { ClusterSession, type SessionState } from '../clusters/session.ts';
import type { ClusterFacts } from '../derive/status.ts';
import type { ConnectedContext, Mode } from './cluster-context.ts';
import { type ClusterSettings, isOther, logProblems } from './cluster-settings.ts';
import { parseKey, tokenKey, userKey } from './keys.ts';
import { Lag } from './lag.ts';
import { Outcomes } from './outcomes.ts';
import type { PropagatorDeps } from './propagator-deps.ts';
import { reconcileSetting } from './reconcile-setting.ts';
import { reconcileToken } from './reconcile-token.ts';
import { reconcileUser } from './reconcile-user.ts';
import type { Result } from './result.ts';
import { Sweeper } from './sweeper.ts';
import { work } from './worker.ts';
import { type Priority, WorkQueue } from './workqueue.ts';

const WORKERS = 16;
/** These take nothing but revocations: sixteen slow writes must not keep one waiting. */
const REVOCATION_WORKERS = 4;

/**
 * One downstream cluster's propagation: queue, workers, session and what came of it. Nothing in here is shared
 * with another cluster, so that nothing of one can delay another.
 */
export class ClusterPropagator {
  readonly name: string;
  readonly queue = new WorkQueue();
  readonly outcomes: Outcomes;
  readonly lag: Lag;
  readonly #deps: PropagatorDeps;
  readonly #sweeper: Sweeper;
  readonly #workers: readonly Promise<void>[];
  #settings: ClusterSettings | undefined;
  #session: ClusterSession | undefined;
  #credentialsVersion = '';
  #drained = false;

  constructor(name: string, deps: PropagatorDeps) {
    this.name = name;
    this.#deps = deps;
    this.lag = new Lag({ ...deps, series: deps.metrics.ofCluster(name) });
    this.outcomes = new Outcomes(
      () => this.#changed(),
      (key, outcome) => this.lag.settled(key, outcome),
    );
    this.#sweeper = new Sweeper(this, deps, () => this.#afterSweep());
    this.#workers = [
      ...Array.from({ length: WORKERS }, () => work(this.#workerDeps())),
      ...Array.from({ length: REVOCATION_WORKERS }, () => work(this.#workerDeps(), ['revocation'])),
    ];
  }

  /** What is in force; undefined before the first word of management. */
  get settings(): ClusterSettings | undefined {
    return this.#settings;
  }

  get mode(): Mode {
    return this.#settings?.mode ?? 'hold';
  }

  get spec(): PropagationSpec {
    return this.#settings?.spec ?? DEFAULT_SPEC;
  }

  /** The live connection with filled stores, if there is one. */
  get connection(): Connection | undefined {
    return this.#session?.connection;
  }

  /** A person lets one blocked sweep pass. */
  get allowsGc(): boolean {
    return this.#settings?.allowGc ?? false;
  }

  /** True when this cluster has the token, or is not going to. */
  isSettledFor(token: Token): boolean {
    if (this.mode !== 'propagate' || !this.connection) return true;
    const state = this.outcomes.get(tokenKey(token.name))?.state;
    return state !== undefined && state !== 'pending';
  }

  /** Whether this cluster has, or had to judge, what the key stands for. */
  concerns(key: string): boolean {
    const { kind, name } = parseKey(key);
    if (this.outcomes.has(key)) return true;
    const observed = this.connection?.observed;
    return kind === 'token' ? (observed?.hasToken(name) ?? false) : observed?.forUser(name) !== undefined;
  }

  /**
   * A watch of the management plane told of a change: from now on the cluster is behind.
   *
   * @param expiresAtMs - of a token that may expire
   */
  told(key: string, priority: Priority, expiresAtMs?: number): void {
    const outcome = this.outcomes.get(key);
    const change = { key, isRevocation: priority === 'revocation', expiresAtMs, outcome };
    if (!this.#drained) this.lag.told({ ...change, isAway: !this.connection });
    this.enqueue(key, priority);
  }

  /** A key of this cluster is to be looked at. */
  enqueue(key: string, priority: Priority): void {
    this.queue.add(key, priority);
  }

  /** Takes over what management says now: mode, spec, credentials. */
  async configure(settings: ClusterSettings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    logProblems(this.name, before, settings, this.#deps.log);
    if (before === undefined) this.#drained = settings.mode === 'drain' && settings.wasDrained;
    if (settings.mode !== 'drain') this.#drained = false;
    // Before the first write goes there, nobody may read that nothing of ours is left: a restart would believe it.
    if (settings.mode !== 'drain' && settings.wasDrained) await this.#deps.publishStatus(this.name);
    await this.#followCredentials(settings);
    if (before && isOther(before, settings)) this.#sweeper.run();
    this.#changed();
  }

  /** Ends session and workers; what is being written may finish or fail. */
  async stop(): Promise<void> {
    this.#sweeper.stop();
    this.queue.close();
    await this.#endSession();
    await Promise.allSettled(this.#workers);
  }

  facts(): ClusterFacts {
    const settings = this.#settings;
    return {
      generation: settings?.generation ?? 0,
      downstreamNamespace: this.#deps.downstreamNamespace,
      mode: this.mode,
      modeReason: settings?.modeReason ?? 'Connecting',
      modeMessage: settings?.modeMessage ?? '',
      suspended: this.spec.suspend,
      specProblem: settings?.specProblem,
      specUnknown: settings?.specUnknown ?? false,
      connection: this.#connectionFacts(),
      reviewed: this.#sweeper.reviewed,
      drained: this.#drained,
      gcBlocked: this.#sweeper.blocked,
      counts: this.outcomes.count(),
    };
  }

  /** True when the status would be a guess: connecting, or not everything was looked at yet. */
  get isSettling(): boolean {
    if (this.#settings === undefined) return true;
    if (this.#session === undefined) return false;
    const { phase } = this.#session.state;
    return phase === 'connecting' || (phase === 'connected' && !this.#sweeper.reviewed);
  }

  async #followCredentials(settings: ClusterSettings): Promise<void> {
    const { credentials } = settings;
    const wanted = !this.#drained && credentials.kind === 'found' ? credentials.version : '';
    if (wanted === this.#credentialsVersion && (wanted === '') === (this.#session === undefined)) return;
    await this.#endSession();
    this.#credentialsVersion = wanted;
    // Stopped meanwhile: nobody would ever end this session.
    if (wanted === '' || credentials.kind !== 'found' || this.queue.isClosed) return;
    this.#session = new ClusterSession({
      ...this.#deps.sessionOptions(this.name),
      access: credentials.access,
      listener: {
        stateChanged: (state) => this.#sessionChanged(state),
        objectChanged: (object, deleted) => this.#objectChanged(object, deleted),
      },
    });
    this.#session.start();
  }

  async #endSession(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    this.#credentialsVersion = '';
    this.#sweeper.disconnected();
    await session?.stop();
  }

  #sessionChanged(state: SessionState): void {
    const { log } = this.#deps;
    if (state.phase === 'connected') {
      log.info('cluster connected', { cluster: this.name });
      this.#sweeper.run();
    } else if (state.phase === 'disconnected') {
      this.#sweeper.disconnected();
      log.warn('cluster not connected', { cluster: this.name, reason: state.reason, detail: state.message });
    }
    this.#changed();
  }

  #objectChanged(object: KubeObject, deleted: boolean): void {
    // While the stores fill, every object is news; the sweep that follows looks at them all.
    if (!this.connection) return;
    const { name } = object.metadata;
    if (object.kind === 'ClusterUserAttribute') {
      this.enqueue(userKey(name), 'normal');
      return;
    }
    // The echo of a write of ours says nothing new while another of the same token is still to come.
    if (deleted || this.connection.observed.isTokenConfirmed(name)) this.enqueue(tokenKey(name), 'normal');
    const userName = object['userName'];
    if (deleted && typeof userName === 'string') this.enqueue(userKey(userName), 'normal');
  }

  #workerDeps(): Parameters<typeof work>[0] {
    return {
      cluster: this.name,
      queue: this.queue,
      outcomes: this.outcomes,
      log: this.#deps.log,
      metrics: this.#deps.metrics,
      connection: () => this.connection,
      reconcile: (key, connection) => this.#reconcile(key, connection),
      worked: (key) => this.#worked(key),
    };
  }

  async #reconcile(key: string, connection: Connection): Promise<Result> {
    const { kind, name } = parseKey(key);
    const cluster = this.#context(key, connection);
    if (kind === 'setting') return reconcileSetting(cluster);
    const result =
      kind === 'token' ? await reconcileToken(name, cluster) : await reconcileUser(name, cluster);
    this.#deps.syncBack.later(key, cluster);
    return result;
  }

  /** What one reconcile sees: settings and connection as they are now, whatever changes under way. */
  #context(key: string, connection: Connection): ConnectedContext {
    const { defaults, ...deps } = this.#deps;
    const { management, live, hashes, installationKey, trustsFingerprints, evidence, now } = deps;
    return {
      ...{ management, live, hashes, installationKey, trustsFingerprints, evidence, now, connection },
      name: this.name,
      mode: this.mode,
      spec: this.spec,
      paused: this.spec.suspend || this.mode === 'hold' || (this.#settings?.specUnknown ?? true),
      algorithm: this.spec.algorithm ?? defaults.algorithm,
      storage: this.spec.storage ?? defaults.storage,
      downstreamNamespace: deps.downstreamNamespace,
      outcomes: this.outcomes,
      queue: this.queue,
      isApproved: (key) => this.#sweeper.isApproved(key),
      // A blocked sweep waits for a person, not for another sweep.
      requestSweep: () => this.#sweeper.blocked ?? this.#sweeper.request(),
      isMoving: (token) => deps.isAwaitedElsewhere(token),
      notify: (token, notice) => deps.notifyToken(token, notice),
      notifyCluster: (notice) => deps.notifyCluster(this.name, notice),
      writes: this.lag.writesOf({ key, mode: this.mode, connection, queuedAtMs: this.queue.queuedAtMs(key) }),
    };
  }

  #worked(key: string): void {
    this.#sweeper.worked(key);
    this.#endDrain();
  }

  #afterSweep(): void {
    this.#changed();
    this.#endDrain();
  }

  /** Drained is what was seen to be empty while nothing was under way: a late write would stay there for good. */
  #endDrain(): void {
    if (this.mode !== 'drain' || this.#drained || !this.#sweeper.reviewed || !this.queue.isIdle) return;
    if (!this.connection?.observed.isEmpty) return;
    this.#drained = true;
    this.outcomes.clear();
    this.lag.clear();
    this.#deps.notifyCluster(this.name, {
      reason: 'Drained',
      message: `Nothing of ours is left in cluster ${this.name}`,
      warning: false,
    });
    void this.#endSession().then(() => this.#changed());
  }

  #connectionFacts(): ClusterFacts['connection'] {
    if (this.#drained) return { phase: 'ended' };
    const state = this.#session?.state;
    if (state) return state;
    const credentials = this.#settings?.credentials;
    if (credentials?.kind === 'found') return { phase: 'connecting' };
    const message = credentials?.kind === 'missing' ? credentials.message : 'no session';
    return { phase: 'disconnected', reason: 'NoCredentials', message, nextTryMs: undefined };
  }

  #changed(): void {
    this.#deps.statusChanged(this.name);
  }
}
