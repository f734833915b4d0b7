import { CLUSTER_PROPAGATIONS, CLUSTERS, TOKENS, USER_ATTRIBUTES, USERS } from '../api/names.ts';
import { type DownstreamDefinitions, ensureNamespace } from '../clusters/prepare.ts';
import type { OperatorConfig } from '../config/operator.ts';
import { ApiError, OtherPlaneError } from '../errors.ts';
import { createHasher, type Hasher } from '../hash/hasher.ts';
import { HashStore } from '../hash/pending.ts';
import { KubeClient, type RequestObserver } from '../kube/client.ts';
import type { Fence } from '../kube/fence.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { PlaneClock } from '../kube/plane-clock.ts';
import { PlaneIdentity } from '../kube/plane-identity.ts';
import type { ReflectorObserver } from '../kube/reflector-options.ts';
import { Transport } from '../kube/transport.ts';
import { HealthServer } from '../telemetry/health.ts';
import type { Log } from '../telemetry/log.ts';
import { Metrics } from '../telemetry/metrics.ts';
import { neededTokens } from './lead/needed-tokens.ts';
import { type Ownership, ownershipOf } from './lead/ownership.ts';
import type { ReadyShards } from './lead/ready-shards.ts';
import { Term } from './lead/term.ts';
import { Terms } from './lead/terms.ts';
import { tellFailure, untilAnswered } from './lead/until-answered.ts';
import { publishGauges } from './report/gauges.ts';
import { WatchAge } from './report/watch-age.ts';
import { AceOperator } from './upstream/ace-operator.ts';
import { DeletionEvidence } from './upstream/deletions.ts';
import { EXT_TOKENS_WATCH, Management } from './upstream/management.ts';
import { Watches } from './upstream/watches.ts';

export interface ManagerDeps {
  readonly config: OperatorConfig;
  readonly access: Access;
  readonly definitions: DownstreamDefinitions;
  readonly log: Log;
  readonly now: () => number;
}

const MANAGEMENT = 'management';
const MANAGEMENT_CONNECTIONS = 16;
/** Leases of shards are written eight at a time. */
const SHARD_CONNECTIONS = 10;
const REQUEST_TIMEOUT_MS = 10_000;

/** Builds everything of the operator, starts it in order and stops it in reverse. The only place that wires. */
export class Manager {
  readonly #deps: ManagerDeps;
  readonly #metrics = new Metrics();
  readonly #watchAge: WatchAge;
  readonly #clock: PlaneClock;
  readonly #management: Management;
  readonly #evidence: DeletionEvidence;
  readonly #transport: Transport;
  readonly #client: KubeClient;
  readonly #plane: PlaneIdentity;
  /** Not fenced: for the Lease, and for what has to be there before anyone can lead. */
  readonly #leaseTransport: Transport;
  readonly #leaseClient: KubeClient;
  readonly #hasher: Hasher;
  readonly #hashes: HashStore;
  readonly #health: HealthServer;
  readonly #operator: AceOperator;
  readonly #terms: Terms;
  readonly #ownership: Ownership;
  /** Kinds whose watch the management plane refuses with 401, after our credential was read again. */
  readonly #rejected = new Set<string>();
  readonly #stopping = new AbortController();

  constructor(deps: ManagerDeps) {
    const { config, access, log } = deps;
    this.#deps = deps;
    this.#clock = new PlaneClock(deps.now);
    this.#evidence = new DeletionEvidence({ now: deps.now, planeNow: () => this.#clock.now() });
    this.#watchAge = new WatchAge(
      [...DECIDING_WATCHES, ...(config.extTokens ? [EXT_TOKENS_WATCH] : [])],
      performance.now(),
    );
    const { shards, extTokens } = config;
    this.#management = new Management([config.namespace, ...config.credentialNamespaces], {
      extTokens,
      // With one leader those that stand by hold all, to be at work in a moment.
      ...(shards > 0 ? { needs: neededTokens(shards, () => this.#terms.shards) } : {}),
    });
    const mayWrite = (): boolean => this.#mayWrite();
    const onRequest: RequestObserver = (...answer) => this.#answered(...answer);
    this.#transport = this.#connect(mayWrite);
    this.#client = new KubeClient(this.#transport, onRequest);
    this.#plane = new PlaneIdentity(this.#client);
    this.#leaseTransport = new Transport(access, {
      userAgent: config.userAgent,
      // With shards, a renewal must not wait behind those.
      connections: config.shards > 0 ? SHARD_CONNECTIONS : 1,
      timeoutMs: Math.min(REQUEST_TIMEOUT_MS, config.leaseTiming.renewMs / 2),
    });
    this.#leaseClient = new KubeClient(this.#leaseTransport, onRequest);
    this.#hasher = createHasher({
      onDone: (operation, algorithm, seconds) =>
        this.#metrics.hashSeconds.observe({ operation, algorithm }, seconds),
    });
    this.#hashes = new HashStore(this.#hasher, {
      onError: (_id, error) => log.warn('hashing failed', { error }),
    });
    this.#terms = new Terms({
      ...{ log, isSharded: config.shards > 0 },
      newTerm: (shards) => this.#newTerm(shards),
    });
    this.#ownership = ownershipOf({
      ...{ config, client: this.#leaseClient, listener: this.#terms, log },
      makeNamespace: () => this.#restoreOwnNamespace(),
    });
    publishGauges(
      this.#metrics,
      () => this.#terms.propagators(),
      this.#hashes,
      { watchAge: this.#watchAge, unread: this.#management.unread, identity: this.#plane },
      this.#ownership,
    );
    this.#operator = new AceOperator({
      client: this.#client,
      plane: this.#plane,
      management: this.#management,
      watches: new Watches(this.#management, this.#evidence, this.#terms),
      logger: log,
      observer: (resource) => this.#observe(resource),
    });
    const { unread } = this.#management;
    this.#health = new HealthServer(this.#metrics, [
      { name: 'management-synced', ok: () => this.#operator.hasSynced },
      {
        name: 'management-is-the-same',
        ok: () => this.#plane.stranger === undefined,
        detail: () => REPLACED,
      },
      { name: 'management-accepts-us', ok: () => this.#rejected.size === 0 },
      {
        name: 'working-or-standing-by',
        ok: () => this.#terms.isWorking || !(this.#ownership.mayWrite() || this.#ownership.refusal()),
        detail: () => this.#ownership.refusal() ?? '',
      },
      {
        name: 'installation-key-usable',
        ok: () => this.#terms.keyProblem === undefined,
        isAdvice: true,
        detail: () => this.#terms.keyProblem ?? '',
      },
      { name: 'everything-read', ok: () => unread.size === 0, isAdvice: true, detail: () => listOf(unread) },
    ]);
  }

  /**
   * Resolves when the operator is at work, or stands by while another leads.
   *
   * @throws {TerminalError | ApiError} when it cannot begin
   */
  async start(): Promise<void> {
    const { config, log, now } = this.#deps;
    const address = await this.#health.listen(config.listen);
    log.info('health and metrics', { address });
    await untilAnswered(
      () => this.#ensureOwnNamespace(),
      this.#stopping.signal,
      (error) => tellFailure(error, log),
    );
    const startedAtMs = now();
    await this.#operator.start();
    await this.#operator.synced();
    log.info('management plane read', {
      durationMs: now() - startedAtMs,
      count: this.#management.tokens.size,
    });
    // A signal may have come while the lists were read.
    if (!this.#stopping.signal.aborted) this.#ownership.start();
  }

  /** Rejects when it can no longer do its work and only a person can mend that. Never resolves. */
  get failed(): Promise<never> {
    return this.#terms.failed;
  }

  /** No write begins after this resolves. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    // Before the fence is closed.
    await this.#terms.writeDown();
    await this.#ownership.stop(() => this.#terms.end());
    await Promise.all([this.#operator.stop(), this.#transport.close(), this.#leaseTransport.close()]);
    await Promise.all([this.#hasher.close(), this.#health.close()]);
  }

  /** What another cluster says, in the place of the management plane, is no ground to write anything anywhere. */
  #mayWrite(): boolean {
    return this.#ownership.mayWrite() && this.#plane.stranger === undefined;
  }

  #connect(mayWrite: Fence): Transport {
    const { access, config } = this.#deps;
    return new Transport(access, {
      timeoutMs: REQUEST_TIMEOUT_MS,
      userAgent: config.userAgent,
      connections: MANAGEMENT_CONNECTIONS,
      mayWrite,
    });
  }

  #answered(verb: string, code: number, date?: string): void {
    this.#clock.told(date);
    this.#metrics.requests.inc({ cluster: MANAGEMENT, verb, code });
  }

  #newTerm(shards: ReadyShards | undefined): Term {
    const { config, definitions, log, now } = this.#deps;
    return new Term({
      ...{ config, definitions, log },
      clocks: { now, planeNow: () => this.#clock.now() },
      seen: { management: this.#management, deletions: this.#evidence },
      plane: {
        connect: (mayWrite) => this.#connect(mayWrite),
        onRequest: (...answer) => this.#answered(...answer),
        mayWrite: () => this.#mayWrite(),
        owns: (cluster) => this.#ownership.owns(cluster),
        shards,
        statusHost: this.#operator,
      },
      hashes: this.#hashes,
      metrics: this.#metrics,
    });
  }

  /** The Lease is in it, so it has to be there before anyone leads. */
  async #ensureOwnNamespace(): Promise<void> {
    const { namespace } = this.#deps.config;
    try {
      await ensureNamespace(this.#leaseClient, namespace);
    } catch (error) {
      // Not being allowed to look is no sign that it is missing; what needs it will say so.
      if (!(error instanceof ApiError && error.code === 403)) throw error;
    }
  }

  /** It was there, and is gone. Nothing is made in another cluster that answers in the place of the management plane. */
  async #restoreOwnNamespace(): Promise<void> {
    const answering = await new PlaneIdentity(this.#leaseClient).identify();
    if (answering !== this.#plane.uid) return;
    await this.#ensureOwnNamespace();
    this.#terms.namespaceMade();
  }

  #observe(resource: string): Partial<ReflectorObserver> {
    const { log } = this.#deps;
    return {
      failed: (error) => {
        if (isRejection(error)) this.#rejected.add(resource);
        log.warn('management watch failed', { resource, error, ...explain(resource, error) });
      },
      succeeded: () => {
        this.#rejected.delete(resource);
        this.#watchAge.confirmed(resource, performance.now());
      },
      restarted: (reason) => this.#metrics.watchRestarts.inc({ cluster: MANAGEMENT, reason }),
      corrected: (count) => this.#metrics.corrections.inc({ cluster: MANAGEMENT }, count),
    };
  }
}

function listOf(unread: ReadonlyMap<string, string>): string {
  return [...unread].map(([watch, why]) => `${watch}: ${why}`).join('; ');
}

/** Watches of the management plane whose failure hides a revocation. */
const DECIDING_WATCHES = [TOKENS, USERS, USER_ATTRIBUTES, CLUSTERS].map(({ plural }) => plural);

function isRejection(error: unknown): boolean {
  return error instanceof ApiError && error.code === 401;
}

/** What a person is told beside the error itself. */
function explain(resource: string, error: unknown): { reason?: string; detail: string } {
  if (error instanceof OtherPlaneError) return { reason: 'ManagementReplaced', detail: REPLACED };
  const detail = HINTS[resource] ?? '';
  return isRejection(error) ? { reason: 'CredentialsRejected', detail } : { detail };
}

const REPLACED =
  'another cluster answers in the place of the management plane: nothing is written anywhere; correct the address, or, if it is meant, restart the operator';

const HINTS: Readonly<Record<string, string>> = {
  [CLUSTER_PROPAGATIONS.plural]: 'if the kind is missing: kubectl apply -f crds/',
  [TOKENS.plural]: 'if the kind is missing: install Rancher, or kubectl apply -f crds/',
  [EXT_TOKENS_WATCH]: 'if it is not allowed: kubectl apply -k manifests/operator-ext-tokens',
  [CLUSTERS.plural]: 'if the kind is missing: install Rancher, or kubectl apply -f crds/',
};
