import { availableParallelism } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuthenticatorConfig } from '../config/authenticator.ts';
import { createHasher, type Hasher } from '../hash/hasher.ts';
import type { Access } from '../kube/access.ts';
import { KubeClient } from '../kube/client.ts';
import { Transport } from '../kube/transport.ts';
import { splitAddress } from '../telemetry/address.ts';
import { AuthenticatorMetrics } from '../telemetry/authenticator-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { MonitorServer } from '../telemetry/monitor-server.ts';
import { AuditLog, type AuditLogOptions } from './audit-log.ts';
import { ClusterState } from './cluster-state.ts';
import { monitorRoutes } from './monitor-routes.ts';
import { Persistence } from './persistence.ts';
import { ReadyFile } from './ready-file.ts';
import { routes } from './routes.ts';
import { WebhookServer } from './server.ts';
import { isSlowHash, TimeSpender } from './slow-hash.ts';
import { VerifiedSecrets } from './verified.ts';
import { verifiedKey } from './verified-file.ts';
import { WriteBack } from './write-back.ts';

export interface ServiceDeps {
  readonly config: AuthenticatorConfig;
  readonly access: Access;
  /** By what its cluster is known while it cannot be asked ({@link clusterMarks}); asked where there is a snapshot. */
  readonly marks: () => Promise<readonly string[]>;
  /** Of `config.snapshotKeyFile`. */
  readonly snapshotKey?: Uint8Array | undefined;
  readonly log: Log;
  /** Where the audit log goes. */
  readonly auditStream: AuditLogOptions['stream'];
  readonly now: () => number;
}

/** An API server of which nothing at all is heard for so long after the start is taken to be away. */
const SILENCE_MS = 300;
/** One that answers something, but has not told by then what is to be judged by, may take a minute to say that it cannot. */
const PATIENCE_MS = 5_000;
/** It may fall silent later, too. */
const LOOK_AGAIN_MS = 1_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS = 8;
const MAX_VERIFIED = 50_000;
/** One for each core that the node gives us; idle ones end. */
const THREADS = Math.min(8, Math.max(2, availableParallelism()));
/** After the order to stop: until then slow checks are waited for, then they are put off. */
const STOP_CHECKS_MS = 1_000;
/** After the order to stop: until then what was noted is told to the API server, and to the disk. */
const STOP_WRITES_MS = 1_600;
/** For that at least, and then for the end of connections and threads. */
const LAST_STEP_MS = 400;

/** Builds everything of the authenticator, starts it in order and stops it in reverse. */
export class AuthenticatorService {
  readonly #deps: ServiceDeps;
  readonly #metrics = new AuthenticatorMetrics();
  readonly #transport: Transport;
  readonly #state: ClusterState;
  readonly #hasher: Hasher = createHasher({
    threads: THREADS,
    onDone: (operation, algorithm, seconds) =>
      this.#metrics.hashSeconds.observe({ operation, algorithm }, seconds),
  });
  readonly #verified: VerifiedSecrets;
  readonly #writeBack: WriteBack;
  readonly #server: WebhookServer;
  readonly #monitor: MonitorServer;
  readonly #readyFile: ReadyFile;
  readonly #persistence: Persistence | undefined;
  /** Whether the API server has answered, and not that it cannot. */
  #isHeard = false;
  /** Where the start takes long, they begin from the snapshot. */
  #late: readonly NodeJS.Timeout[] = [];

  constructor(deps: ServiceDeps) {
    const { config, access, log, now } = deps;
    this.#deps = deps;
    this.#readyFile = new ReadyFile(config.readyFile);
    this.#transport = new Transport(access, {
      connections: CONNECTIONS,
      timeoutMs: REQUEST_TIMEOUT_MS,
      userAgent: config.userAgent,
    });
    const client = new KubeClient(this.#transport, (verb, code) => {
      this.#isHeard ||= isAtWork(code);
      this.#metrics.requests.inc({ verb, code });
    });
    this.#state = new ClusterState({
      client,
      namespace: config.namespace,
      now,
      monotonic: () => performance.now(),
      onFailure: (resource, error) => {
        log.warn('watch failed', { resource, error });
        this.#restoreWhere(this.#state.hasFailed);
      },
      onRestart: (reason) => this.#metrics.watchRestarts.inc({ reason }),
      onCorrections: (count) => this.#metrics.corrections.inc(count),
    });
    this.#persistence = this.#buildPersistence();
    this.#verified = new VerifiedSecrets({
      maxEntries: MAX_VERIFIED,
      concurrency: THREADS,
      ...(deps.snapshotKey ? { key: verifiedKey(deps.snapshotKey) } : {}),
      onRight: (right) => this.#persistence?.foundRight(right),
      verify: (secret, hash) => this.#hasher.verify(secret, hash),
      isSlow: isSlowHash,
    });
    this.#writeBack = new WriteBack({
      state: this.#state,
      writer: client,
      namespace: config.namespace,
      now,
      monotonic: () => performance.now(),
      onError: (error) => {
        this.#metrics.writeBackFailures.inc();
        log.warn('last use not written', { error });
      },
    });
    this.#server = this.#buildServer();
    this.#monitor = this.#buildMonitor();
    this.#publishFacts();
  }

  /**
   * Resolves when the webhook listens: when there is something to judge by, and not before. The port is shared, and who
   * has no answers yet would take questions from one who has.
   *
   * @throws when an address cannot be taken
   */
  async start(): Promise<void> {
    const { config, log } = this.#deps;
    await this.#readyFile.remove();
    await this.#persistence?.start(this.#verified);
    this.#state.start();
    for (const address of config.metricsListen) {
      const bound = await this.#monitor.listen(address, { reusePort: true });
      log.info('metrics and probes', { address: bound });
    }
    void this.#state.synced().then(() => log.info('stores filled', { count: this.#state.tokens.size }));
    const startedAt = performance.now();
    const isLate = (): boolean => !this.#isHeard || performance.now() - startedAt >= PATIENCE_MS;
    this.#late = [
      setTimeout(() => this.#restoreWhere(!this.#isHeard), SILENCE_MS),
      setInterval(() => this.#restoreWhere(isLate() || this.#state.hasFailed), LOOK_AGAIN_MS),
    ];
    await this.#state.filled;
    this.#stopLooking();
    this.#writeBack.start();
    for (const address of config.listen) {
      const { host, port } = splitAddress(address);
      log.info('authenticator listens', { address: await this.#server.listen(host, port) });
    }
    await this.#readyFile.write();
  }

  /** Gives up the port, answers what was asked, writes back what was noted, and ends: within two seconds. */
  async stop(): Promise<void> {
    const stoppingMs = performance.now();
    this.#stopLooking();
    const drained = Promise.all([this.#server.drain(), this.#monitor.close()]);
    this.#verified.release();
    void this.#readyFile.remove().catch(() => undefined);
    const flushed = this.#writeBack.flush();
    // Who still waits for a check is told to ask again, and asks another.
    const late = setTimeout(() => void this.#hasher.close(), STOP_CHECKS_MS);
    await drained;
    clearTimeout(late);
    const written = Promise.all([flushed.then(() => this.#writeBack.stop()), this.#persistence?.stop()]);
    const leftMs = STOP_WRITES_MS - (performance.now() - stoppingMs);
    await Promise.race([written, delay(Math.max(LAST_STEP_MS, leftMs))]);
    await Promise.race([
      Promise.all([this.#state.stop(), this.#transport.close(), this.#hasher.close()]),
      delay(LAST_STEP_MS),
    ]);
  }

  /** @param isInWant - what is to be judged by cannot be had. Who is refused, or is being told, goes without the snapshot all the same. */
  #restoreWhere(isInWant: boolean): void {
    if (isInWant && !this.#state.isRefused && !this.#state.isBeingTold) void this.#persistence?.restore();
  }

  #stopLooking(): void {
    for (const timer of this.#late) clearTimeout(timer);
  }

  #buildPersistence(): Persistence | undefined {
    const { config, marks, snapshotKey, log } = this.#deps;
    if (config.snapshotFile === undefined || snapshotKey === undefined) return undefined;
    return new Persistence({
      file: config.snapshotFile,
      key: snapshotKey,
      marks,
      state: this.#state,
      monotonic: () => performance.now(),
      onError: (action, error) => log.warn(action, { error }),
      onRestored: () => log.warn('answering from the snapshot', { count: this.#state.tokens.size }),
    });
  }

  #buildServer(): WebhookServer {
    const { config, log, now } = this.#deps;
    const spender = new TimeSpender(this.#state, this.#hasher);
    return new WebhookServer({
      tls: config.tls,
      onReload: (error) => {
        if (error === undefined) log.info('certificate read again');
        else log.warn('certificate not read again; the old one stays', { error });
      },
      onFault: (error) => log.error('review failed', { error }),
      handler: routes({
        now,
        metrics: this.#metrics,
        legacy401: config.legacy401,
        audit: new AuditLog({ mode: config.auditLog, stream: this.#deps.auditStream, now }),
        onRefused: (reason) => log.debug('refused', { reason }),
        authenticator: {
          state: this.#state,
          verified: this.#verified,
          spendTime: (secret) => spender.spend(secret),
          withExtra: config.withExtra,
          maxStalenessMs: config.maxStalenessMs,
          accepted: (candidate) => this.#writeBack.accepted(candidate),
        },
      }),
    });
  }

  /** Beside the webhook: no TLS, no client certificate, no tokens. */
  #buildMonitor(): MonitorServer {
    const { log, now } = this.#deps;
    return new MonitorServer(monitorRoutes({ state: this.#state, metrics: this.#metrics, now }), (error) =>
      log.error('probe failed', { error }),
    );
  }

  #publishFacts(): void {
    const startedAt = performance.now();
    this.#metrics.beforeScrape(() => ({
      isReady: this.#state.isFilled,
      hits: this.#verified.hits,
      misses: this.#verified.misses,
      hashesQueued: this.#verified.queued,
      writesPending: this.#writeBack.pending,
      objects: {
        ClusterAuthToken: this.#state.tokens.size,
        Secret: this.#state.secrets.size,
        ClusterUserAttribute: this.#state.users.size,
      },
      ageSeconds: (this.#state.ageMs ?? performance.now() - startedAt) / 1000,
      lastSyncSeconds: this.#state.confirmedAtMs / 1000,
    }));
  }
}

/** One that is too busy (429), as one that is broken, may be so for as long as one that is away. */
function isAtWork(code: number): boolean {
  return code > 0 && code < 500 && code !== 429;
}
