import { INSTALLATION_KEY_SECRET } from '../../api/names.ts';
import { ConnectPace } from '../../clusters/connect-pace.ts';
import type { DownstreamDefinitions } from '../../clusters/prepare.ts';
import type { OperatorConfig } from '../../config/operator.ts';
import type { Installation } from '../../derive/ownership.ts';
import type { HashStore } from '../../hash/pending.ts';
import { KubeClient, type RequestObserver } from '../../kube/client.ts';
import type { Fence } from '../../kube/fence.ts';
import { readInstallationId } from '../../kube/installation-id.ts';
import { Refusals } from '../../kube/refusals.ts';
import { shardOf } from '../../kube/sharding/layout.ts';
import type { Transport } from '../../kube/transport.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { DebtKeeper } from '../debts/debt-keeper.ts';
import { DebtRecords } from '../debts/debt-records.ts';
import { EarlierDeletions } from '../debts/earlier-deletions.ts';
import { Clusters } from '../engage/clusters.ts';
import { EarlierIds } from '../installation/earlier-ids.ts';
import { HeldKey } from '../installation/held-key.ts';
import { installationOf } from '../installation/installation.ts';
import type { ClusterPropagator } from '../propagate/propagator.ts';
import type { Clocks } from '../propagate/propagator-deps.ts';
import { TokenHashes } from '../reconcile/token-hashes.ts';
import { Notices } from '../report/notices.ts';
import { SyncBack } from '../report/sync-back.ts';
import type { AceOperator } from '../upstream/ace-operator.ts';
import { CertainReader } from '../upstream/certain-reader.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import { type Management, watchName } from '../upstream/management.ts';
import type { ReadyShards } from './ready-shards.ts';
import { sessionsOf } from './sessions.ts';
import { unlessEnded } from './until-answered.ts';

export interface TermDeps {
  readonly config: OperatorConfig;
  readonly definitions: DownstreamDefinitions;
  /** What outlives the term: the stores, and what was seen being deleted. */
  readonly seen: { readonly management: Management; readonly deletions: DeletionEvidence };
  readonly plane: ManagementAccess;
  readonly hashes: HashStore;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly clocks: Clocks;
}

/** The way to the management plane, for one term. */
export interface ManagementAccess {
  /** Opens a way whose writes are fenced by `mayWrite`. */
  connect(mayWrite: Fence): Transport;
  readonly onRequest: RequestObserver;
  readonly mayWrite: Fence;
  /** False while another replica is to write for that cluster. */
  owns(cluster: string): boolean;
  /** Undefined: there are none, and all clusters are worked on. */
  readonly shards: ReadyShards | undefined;
  readonly statusHost: Pick<AceOperator, 'refresh' | 'catchUp' | 'writeStatus'>;
}

const SWEEP_INTERVAL_MS = 10 * 60_000;

/**
 * The time for which this process leads: all that writes exists only in here. The next term builds it anew, so that nothing
 * that was decided before another replica led can be carried out after.
 */
export class Term {
  readonly #deps: TermDeps;
  /** Of its own: what waits in there ends with the term, and what hung before it is not used again. */
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #notices: Notices;
  readonly #debts: DebtRecords;
  readonly #connectPace = new ConnectPace();
  /** Of those who ask the plane who it is. */
  readonly #refusals = new Refusals();
  readonly #earlier: EarlierDeletions;
  #clusters: Clusters | undefined;
  #key: HeldKey | undefined;
  readonly #ending = new AbortController();

  constructor(deps: TermDeps) {
    this.#deps = deps;
    const { config, plane, seen, metrics, log, clocks } = deps;
    this.#transport = plane.connect(() => this.#mayWrite());
    this.#client = new KubeClient(this.#transport, plane.onRequest);
    const writerFor = (cluster: string): KubeClient => this.#clientFor(cluster);
    this.#debts = new DebtRecords({ client: this.#client, writerFor }, config.namespace, log, clocks);
    this.#earlier = new EarlierDeletions({
      ...{ records: this.#debts, refusals: this.#refusals, seen, log, now: clocks.now },
      clusters: () => this.#propagators(),
    });
    this.#notices = new Notices({ client: this.#client, management: seen.management, metrics, log });
  }

  /** Why nothing is added anywhere; undefined: it is. */
  get keyProblem(): string | undefined {
    return this.#key?.problem;
  }

  /** Undefined until the term has begun to work. */
  get clusters(): Clusters | undefined {
    return this.#clusters;
  }

  /**
   * Begins to work, unless `signal` ends it before. Safe to repeat when it failed.
   *
   * @throws {TerminalError | ApiError | ConnectionError | FencedError}
   */
  async start(signal: AbortSignal): Promise<void> {
    const prepared = await unlessEnded(signal, this.#prepare(signal));
    if (prepared === undefined) return;
    this.#key = prepared.key;
    this.#clusters = this.#buildClusters(prepared.key, prepared.installation);
    this.#clusters.start();
    void prepared.key.untilUsable(signal);
  }

  /**
   * Reads everything anew for shards that were acquired, and begins to work on them. Safe to repeat when it failed. Shards that
   * come while it reads are read for once more.
   *
   * @throws {ApiError | ConnectionError | StaleReadError}
   */
  async acquire(signal: AbortSignal): Promise<void> {
    const { config } = this.#deps;
    const { shards } = this.#deps.plane;
    while (shards?.beginReading()) {
      const read = await unlessEnded(
        signal,
        this.#readAnew().then(() => true),
      );
      if (read === undefined) return;
      this.#deps.seen.management.tokens.requireWhole();
      const ready = shards.endReading();
      this.#clusters?.begin((cluster) => ready.has(shardOf(cluster, config.shards)));
    }
  }

  /** Another replica is to have these: ends the work on their clusters. */
  async release(shards: ReadonlySet<number>): Promise<void> {
    const { config } = this.#deps;
    await this.#clusters?.release((cluster) => shards.has(shardOf(cluster, config.shards)));
  }

  /** A kind that work began without was read: what is absent of it can be judged. */
  readAtLast(): void {
    this.#earlier.readAtLast();
  }

  /** The management plane was put back, and our records with it. */
  putBack(): void {
    this.#earlier.putBack();
  }

  /** Our namespace was made anew, without what was kept in it: this process knows it still. */
  restoreKept(): void {
    for (const propagator of this.#propagators()) {
      propagator.debts.writeAnew();
      // The ways to clusters: a sweep keeps them.
      propagator.rulesChanged();
    }
  }

  /** No write begins after this resolves. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#clusters?.stop();
    await this.#transport.close();
  }

  /** The Secret of the installation key is not there, as far as was told. */
  get isWithoutKey(): boolean {
    const { credentials, ownNamespace } = this.#deps.seen.management;
    return credentials.get(ownNamespace)?.get(INSTALLATION_KEY_SECRET) === undefined;
  }

  /** The Secret of the installation key was changed, or deleted. @throws as {@link HeldKey.renew} */
  async renewInstallationKey(): Promise<void> {
    await this.#key?.renew();
  }

  async #prepare(signal: AbortSignal): Promise<{ key: HeldKey; installation: Installation }> {
    const { config, seen, log, plane } = this.#deps;
    const keyUsable = (): void => this.#clusters?.rulesChanged();
    const [key, id] = await Promise.all([
      HeldKey.load(
        { ...{ client: this.#client, namespace: config.namespace, log }, onChange: keyUsable },
        signal,
      ),
      readInstallationId(this.#client, this.#refusals),
      this.#notices.rememberEarlier(),
      plane.shards ? undefined : this.#readAnew(),
    ]);
    return { key, installation: installationOf(seen.management, id) };
  }

  async #readAnew(): Promise<void> {
    const { config, plane } = this.#deps;
    // First: where one of them fails, each try would begin the lists anew.
    await this.#debts.load();
    await this.#earlier.ask(this.#client);
    // What another replica took away, on word that our watches have not brought yet, must not be put back. With shards, other
    // clusters of ours need what the watches tell meanwhile.
    if (plane.shards) await plane.statusHost.catchUp();
    else if (config.leaderElect) await plane.statusHost.refresh();
    await this.#earlier.read(this.#client);
    void this.#earlier.untilTold(this.#client, this.#ending.signal);
  }

  #propagators(): Iterable<ClusterPropagator> {
    return this.#clusters?.propagators() ?? [];
  }

  /** A later term opens the fence of the process again, but not for what this one left behind. */
  #mayWrite(): boolean {
    return !this.#ending.signal.aborted && this.#deps.plane.mayWrite();
  }

  /** False also where it is ours, and not everything was read yet. */
  #mayWorkOn(cluster: string): boolean {
    const { config, plane } = this.#deps;
    return plane.shards?.has(shardOf(cluster, config.shards)) ?? true;
  }

  /** When its shard was away and is ours again, it does not open for what waits since before that. */
  #fenceFor(cluster: string): Fence {
    const { config, plane } = this.#deps;
    const turn = (): number | undefined => plane.shards?.turnOf(shardOf(cluster, config.shards));
    const begun = turn();
    return () => turn() === begun && this.#mayWrite() && plane.owns(cluster);
  }

  /** For what it is about to write about one cluster, here or there: not to be kept. */
  #clientFor(cluster: string): KubeClient {
    return this.#client.within(this.#fenceFor(cluster));
  }

  #buildClusters(key: HeldKey, installation: Installation): Clusters {
    const { config, definitions, plane, seen, hashes, metrics, log, clocks } = this.#deps;
    const clientFor = (cluster: string): KubeClient => this.#clientFor(cluster);
    const live = this.#certainReader();
    const notices = this.#notices;
    return new Clusters({
      clocks,
      mayWorkOn: (cluster) => this.#mayWorkOn(cluster),
      plane: {
        clientFor,
        writeStatus: (name, patch) => plane.statusHost.writeStatus(name, patch, clientFor(name)),
      },
      upstream: { ...seen, live, installation, earlierIds: new EarlierIds(live, log) },
      hashing: { hashes: new TokenHashes(hashes, key.marks), keyProblem: () => key.problem },
      reports: {
        ...{ log, metrics },
        notifyToken: (token, notice) => notices.aboutToken(token, notice),
        notifyCluster: (name, notice) => notices.aboutCluster(name, notice),
      },
      defaults: {
        namespace: config.downstreamNamespace,
        algorithm: config.hashAlgorithm,
        storage: config.hashStorage,
        sweepIntervalMs: SWEEP_INTERVAL_MS,
      },
      books: {
        records: this.#debts,
        syncBack: new SyncBack(clientFor, log),
        keepDebts: (of) =>
          new DebtKeeper({
            ...{ ...of, records: this.#debts, earlier: this.#earlier, log, now: clocks.now },
            seen,
          }),
      },
      sessions: sessionsOf({
        ...{ config, definitions, installation, metrics, pace: this.#connectPace },
        ending: this.#ending.signal,
        fenceFor: (cluster) => this.#fenceFor(cluster),
      }),
    });
  }

  #certainReader(): CertainReader {
    const { management, deletions } = this.#deps.seen;
    return new CertainReader({
      client: this.#client,
      onDefined: (resource, sinceMs) => deletions.trustSince(resource, sinceMs),
      onUndefined: (resource, why) => void management.unread.set(watchName(resource), why),
    });
  }
}
