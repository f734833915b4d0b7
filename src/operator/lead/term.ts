import { apiVersionOf, CLUSTER_PROPAGATIONS, EVENTS, type Resource, TOKENS } from '../../api/names.ts';
import type { DownstreamDefinitions } from '../../clusters/prepare.ts';
import type { OperatorConfig } from '../../config/operator.ts';
import { isAlreadyExists } from '../../errors.ts';
import type { HashStore } from '../../hash/pending.ts';
import { KubeClient, type RequestObserver } from '../../kube/client.ts';
import type { Fence } from '../../kube/fence.ts';
import type { Transport } from '../../kube/transport.ts';
import {
  EVENT_NAMESPACE,
  EVENT_SOURCE,
  type EventBody,
  EventRecorder,
  type Regarding,
} from '../../telemetry/events.ts';
import type { Log } from '../../telemetry/log.ts';
import type { Metrics } from '../../telemetry/metrics.ts';
import { Clusters } from '../engage/clusters.ts';
import type { Notice } from '../reconcile/cluster-context.ts';
import { SyncBack } from '../report/sync-back.ts';
import type { AceOperator } from '../upstream/ace-operator.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import { type InstallationKey, loadInstallationKey } from '../upstream/installation-key.ts';
import type { Management } from '../upstream/management.ts';

export interface TermDeps {
  readonly config: OperatorConfig;
  readonly definitions: DownstreamDefinitions;
  readonly management: Management;
  /** Opens a way to the management plane whose writes are fenced by `mayWrite`. */
  connect(mayWrite: Fence): Transport;
  readonly onRequest: RequestObserver;
  readonly mayWrite: Fence;
  readonly statusHost: Pick<AceOperator, 'refresh' | 'writeStatus'>;
  readonly evidence: DeletionEvidence;
  readonly hashes: HashStore;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly now: () => number;
}

const CLUSTER_CONNECTIONS = 24;
const REQUEST_TIMEOUT_MS = 10_000;
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
  readonly #events: EventRecorder;
  #clusters: Clusters | undefined;
  #ended = false;

  constructor(deps: TermDeps) {
    this.#deps = deps;
    this.#transport = deps.connect(() => this.#mayWrite());
    this.#client = new KubeClient(this.#transport, deps.onRequest);
    this.#events = new EventRecorder({ post: (event) => this.#postEvent(event) }, (outcome) =>
      deps.metrics.events.inc({ outcome }),
    );
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
    const installation = await unlessEnded(signal, this.#prepare());
    if (installation === undefined) return;
    this.#clusters = this.#buildClusters(installation);
    this.#clusters.start();
  }

  /** No write begins after this resolves. */
  async stop(): Promise<void> {
    this.#ended = true;
    await this.#clusters?.stop();
    await this.#transport.close();
  }

  async #prepare(): Promise<InstallationKey> {
    const { config, statusHost } = this.#deps;
    const [installation] = await Promise.all([
      loadInstallationKey(this.#client, config.namespace),
      this.#rememberEvents(),
      // What another replica took away, on word that our watches have not brought yet, must not be put back.
      config.leaderElect ? statusHost.refresh() : undefined,
    ]);
    return installation;
  }

  /** A later term opens the fence of the process again, but not for what this one left behind. */
  #mayWrite(): boolean {
    return !this.#ended && this.#deps.mayWrite();
  }

  #buildClusters(installation: InstallationKey): Clusters {
    const { config, definitions, management, metrics, log } = this.#deps;
    const client = this.#client;
    const { evidence, hashes, now, statusHost } = this.#deps;
    return new Clusters({
      ...{ management, client, hashes, evidence, log, metrics, now },
      live: client,
      installationKey: installation.key,
      trustsFingerprints: !installation.isNew,
      syncBack: new SyncBack(client, log),
      downstreamNamespace: config.downstreamNamespace,
      defaults: { algorithm: config.hashAlgorithm, storage: config.hashStorage },
      sweepIntervalMs: SWEEP_INTERVAL_MS,
      sessionOptions: (cluster) => ({
        cluster,
        namespace: config.downstreamNamespace,
        definitions,
        connections: CLUSTER_CONNECTIONS,
        timeoutMs: REQUEST_TIMEOUT_MS,
        userAgent: config.userAgent,
        mayWrite: () => this.#mayWrite(),
        onRequest: (verb, code) => metrics.requests.inc({ cluster, verb, code }),
        onWatchRestart: (reason) => metrics.watchRestarts.inc({ cluster, reason }),
        onCorrections: (count) => metrics.corrections.inc({ cluster }, count),
      }),
      notifyToken: (token, notice) => this.#notify(TOKENS, token.name, token.uid, notice),
      notifyCluster: (name, notice) => this.#notifyCluster(name, notice),
      writeStatus: (name, patch) => statusHost.writeStatus(name, patch, client),
    });
  }

  /** About a cluster: at its ClusterPropagation, which outlives it. */
  #notifyCluster(name: string, notice: Notice): void {
    const propagation = this.#deps.management.propagations.get(name);
    if (propagation) this.#notify(CLUSTER_PROPAGATIONS, name, propagation.uid, notice);
    this.#deps.log.info('cluster notice', { cluster: name, reason: notice.reason, detail: notice.message });
  }

  #notify(resource: Resource, name: string, uid: string, notice: Notice): void {
    const regarding: Regarding = { apiVersion: apiVersionOf(resource), kind: resource.kind, name, uid };
    this.#events.record(regarding, notice);
    if (notice.warning)
      this.#deps.log.warn('notice', { source: `${resource.kind} ${name}`, reason: notice.reason });
  }

  async #postEvent(event: EventBody): Promise<void> {
    try {
      await this.#client.create(EVENTS, event);
    } catch (error) {
      if (!isAlreadyExists(error)) this.#deps.log.warn('event not written', { error });
    }
  }

  /** What was said within the last hour or so is not said again by a restart, or by the next leader. */
  async #rememberEvents(): Promise<void> {
    try {
      const { items } = await this.#client.list(EVENTS, {
        namespace: EVENT_NAMESPACE,
        fieldSelector: `source=${EVENT_SOURCE}`,
        limit: 5_000,
      });
      this.#events.remember(items.map((item) => (item as EventBody).metadata.name));
    } catch (error) {
      this.#deps.log.warn('earlier events not read', { error });
    }
  }
}

/** What `work` results in, or undefined when `signal` comes first; then nobody waits for `work` any more. */
async function unlessEnded<T>(signal: AbortSignal, work: Promise<T>): Promise<T | undefined> {
  const end = Promise.withResolvers<undefined>();
  const stop = (): void => end.resolve(undefined);
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    const result = await Promise.race([work, end.promise]);
    return signal.aborted ? undefined : result;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
