import {
  apiVersionOf,
  CLUSTER_PROPAGATIONS,
  CLUSTERS,
  EVENTS,
  type Resource,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../api/names.ts';
import { type DownstreamDefinitions, ensureNamespace } from '../clusters/prepare.ts';
import type { OperatorConfig } from '../config/operator.ts';
import { ApiError, ConnectionError, isAlreadyExists } from '../errors.ts';
import { createHasher, type Hasher } from '../hash/hasher.ts';
import { HashStore } from '../hash/pending.ts';
import { backoffMs, pause } from '../kube/backoff.ts';
import { KubeClient } from '../kube/client.ts';
import type { Access } from '../kube/kubeconfig.ts';
import type { ReflectorObserver } from '../kube/reflector.ts';
import { Transport } from '../kube/transport.ts';
import {
  EVENT_NAMESPACE,
  EVENT_SOURCE,
  type EventBody,
  EventRecorder,
  type Regarding,
} from '../telemetry/events.ts';
import { HealthServer } from '../telemetry/health.ts';
import type { Log } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import type { Notice } from './cluster-context.ts';
import { Clusters } from './clusters.ts';
import { DeletionEvidence } from './evidence.ts';
import { Freshness } from './freshness.ts';
import { publishGauges } from './gauges.ts';
import { type InstallationKey, loadInstallationKey } from './installation-key.ts';
import { Management } from './management.ts';
import { AceOperator } from './operator.ts';
import { SyncBack } from './sync-back.ts';
import { Watches } from './watches.ts';

export interface ManagerDeps {
  readonly config: OperatorConfig;
  readonly access: Access;
  readonly definitions: DownstreamDefinitions;
  readonly log: Log;
  readonly now: () => number;
}

const MANAGEMENT = 'management';
const MANAGEMENT_CONNECTIONS = 16;
const CLUSTER_CONNECTIONS = 24;
const REQUEST_TIMEOUT_MS = 10_000;
const START_RETRY_BASE_MS = 500;
const START_RETRY_MAX_MS = 15_000;
const SWEEP_INTERVAL_MS = 10 * 60_000;

/** Builds everything of the operator, starts it in order and stops it in reverse. The only place that wires. */
export class Manager {
  readonly #deps: ManagerDeps;
  readonly #metrics = new Metrics();
  readonly #freshness: Freshness;
  readonly #management: Management;
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #events: EventRecorder;
  readonly #hasher: Hasher;
  readonly #hashes: HashStore;
  readonly #health: HealthServer;
  #operator: AceOperator | undefined;
  #clusters: Clusters | undefined;
  #isReady = false;
  readonly #stopping = new AbortController();

  constructor(deps: ManagerDeps) {
    const { config, access, log } = deps;
    this.#deps = deps;
    this.#freshness = new Freshness(DECIDING_WATCHES, deps.now());
    this.#management = new Management([config.namespace, ...config.credentialNamespaces]);
    this.#transport = new Transport(access, {
      connections: MANAGEMENT_CONNECTIONS,
      timeoutMs: REQUEST_TIMEOUT_MS,
      userAgent: config.userAgent,
    });
    this.#client = new KubeClient(this.#transport, this.#countRequests(MANAGEMENT));
    this.#events = new EventRecorder({ post: (event) => this.#postEvent(event) }, (outcome) =>
      this.#metrics.events.inc({ outcome }),
    );
    this.#hasher = createHasher({
      onDone: (operation, algorithm, seconds) =>
        this.#metrics.hashSeconds.observe({ operation, algorithm }, seconds),
    });
    this.#hashes = new HashStore(this.#hasher, {
      onError: (_id, error) => log.warn('hashing failed', { error }),
    });
    publishGauges(this.#metrics, () => this.#clusters?.propagators() ?? [], this.#hashes, this.#freshness);
    this.#health = new HealthServer(this.#metrics, [
      { name: 'management-synced', ok: () => this.#operator?.hasSynced ?? false },
      { name: 'started', ok: () => this.#isReady },
    ]);
  }

  /** Resolves when the operator is at work. @throws {TerminalError | ApiError} when it cannot begin */
  async start(): Promise<void> {
    const { config, log, now } = this.#deps;
    const address = await this.#health.listen(config.listen);
    log.info('health and metrics', { address });
    const installation = await this.#persist(async () => {
      await this.#ensureOwnNamespace();
      return loadInstallationKey(this.#client, config.namespace);
    });
    await this.#rememberEvents();
    const evidence = new DeletionEvidence();
    const clusters = this.#buildClusters(installation, evidence);
    this.#clusters = clusters;
    this.#operator = AceOperator.create({
      client: this.#client,
      management: this.#management,
      watches: new Watches(this.#management, evidence, clusters),
      logger: log,
      observer: (resource) => this.#observe(resource),
    });
    const startedAtMs = now();
    await this.#operator.start();
    await this.#operator.synced();
    log.info('management plane read', {
      durationMs: now() - startedAtMs,
      count: this.#management.tokens.size,
    });
    clusters.start();
    this.#metrics.leader.set(1);
    this.#isReady = true;
  }

  /** No write begins after this resolves. */
  async stop(): Promise<void> {
    this.#isReady = false;
    this.#stopping.abort();
    await this.#clusters?.stop();
    await Promise.all([this.#operator?.stop(), this.#transport.close()]);
    await Promise.all([this.#hasher.close(), this.#health.close()]);
  }

  #buildClusters(installation: InstallationKey, evidence: DeletionEvidence): Clusters {
    const { config, definitions, log, now } = this.#deps;
    return new Clusters({
      management: this.#management,
      live: this.#client,
      client: this.#client,
      hashes: this.#hashes,
      installationKey: installation.key,
      trustsFingerprints: !installation.isNew,
      evidence,
      syncBack: new SyncBack(this.#client, log),
      downstreamNamespace: config.downstreamNamespace,
      defaults: { algorithm: config.hashAlgorithm, storage: config.hashStorage },
      log,
      metrics: this.#metrics,
      now,
      sweepIntervalMs: SWEEP_INTERVAL_MS,
      sessionOptions: (cluster) => ({
        cluster,
        namespace: config.downstreamNamespace,
        definitions,
        connections: CLUSTER_CONNECTIONS,
        timeoutMs: REQUEST_TIMEOUT_MS,
        userAgent: config.userAgent,
        onRequest: this.#countRequests(cluster),
        onWatchRestart: (reason) => this.#metrics.watchRestarts.inc({ cluster, reason }),
        onCorrections: (count) => this.#metrics.corrections.inc({ cluster }, count),
      }),
      notifyToken: (token, notice) => this.#notify(TOKENS, token.name, token.uid, notice),
      notifyCluster: (name, notice) => this.#notifyCluster(name, notice),
      statusHost: () => {
        if (!this.#operator) throw new Error('status is written before the operator was built');
        return this.#operator;
      },
    });
  }

  /** About a cluster: at its ClusterPropagation, which outlives it. */
  #notifyCluster(name: string, notice: Notice): void {
    const propagation = this.#management.propagations.get(name);
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

  /** What was said within the last hour or so is not said again by a restart. */
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

  async #ensureOwnNamespace(): Promise<void> {
    const { namespace } = this.#deps.config;
    try {
      await ensureNamespace(this.#client, namespace);
    } catch (error) {
      // Not being allowed to look is no sign that it is missing; what needs it will say so.
      if (!(error instanceof ApiError && error.code === 403)) throw error;
    }
  }

  /** Tries until the management plane answers: it may well come up after us. Other faults are the caller's. */
  async #persist<T>(step: () => Promise<T>): Promise<T> {
    for (let failures = 1; ; failures += 1) {
      try {
        return await step();
      } catch (error) {
        const mayPass = error instanceof ConnectionError || (error instanceof ApiError && error.code >= 429);
        if (!mayPass || this.#stopping.signal.aborted) throw error;
        this.#deps.log.warn('management plane does not answer', { error });
        await pause(backoffMs(failures, START_RETRY_BASE_MS, START_RETRY_MAX_MS), this.#stopping.signal);
      }
    }
  }

  #observe(resource: string): Partial<ReflectorObserver> {
    const { log } = this.#deps;
    return {
      succeeded: () => this.#freshness.confirmed(resource, this.#deps.now()),
      failed: (error) =>
        log.warn('management watch failed', { resource, error, detail: HINTS[resource] ?? '' }),
      restarted: (reason) => this.#metrics.watchRestarts.inc({ cluster: MANAGEMENT, reason }),
      corrected: (count) => this.#metrics.corrections.inc({ cluster: MANAGEMENT }, count),
    };
  }

  #countRequests(cluster: string): (verb: string, code: number) => void {
    return (verb, code) => this.#metrics.requests.inc({ cluster, verb, code });
  }
}

/** Watches of the management plane whose failure hides a revocation. */
const DECIDING_WATCHES = [TOKENS, USERS, USER_ATTRIBUTES, CLUSTERS].map(({ plural }) => plural);

const HINTS: Readonly<Record<string, string>> = {
  [CLUSTER_PROPAGATIONS.plural]: 'if the kind is missing: kubectl apply -f crds/',
  [TOKENS.plural]: 'if the kind is missing: install Rancher, or kubectl apply -f crds/',
  [CLUSTERS.plural]: 'if the kind is missing: install Rancher, or kubectl apply -f crds/',
};
