import { readFile } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import type { AuthenticatorConfig } from '../config/authenticator.ts';
import { ConfigError } from '../errors.ts';
import { detectFormat } from '../hash/detect.ts';
import { createHasher, type Hasher } from '../hash/hasher.ts';
import { KubeClient } from '../kube/client.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { Transport } from '../kube/transport.ts';
import { splitAddress } from '../telemetry/address.ts';
import { AuthenticatorMetrics } from '../telemetry/authenticator-metrics.ts';
import type { Log } from '../telemetry/log.ts';
import { MonitorServer } from '../telemetry/monitor-server.ts';
import { ClusterState } from './cluster-state.ts';
import { monitorRoutes } from './monitor-routes.ts';
import { routes } from './routes.ts';
import { WebhookServer } from './server.ts';
import { isSlowHash, TimeSpender } from './slow-hash.ts';
import { Snapshot } from './snapshot.ts';
import { VerifiedSecrets } from './verified.ts';
import { WriteBack } from './write-back.ts';

export interface ServiceDeps {
  readonly config: AuthenticatorConfig;
  readonly access: Access;
  readonly log: Log;
  readonly now: () => number;
}

/** A new authenticator takes its share of the port when it knows the answers, or after this long to say that it does not. */
const LISTEN_LATEST_MS = 3_000;
const REQUEST_TIMEOUT_MS = 10_000;
const CONNECTIONS = 8;
const MAX_VERIFIED = 50_000;
const MAX_HASHES_WAITING = 200;
const MIN_KEY_BYTES = 16;

/** Builds everything of the authenticator, starts it in order and stops it in reverse. */
export class AuthenticatorService {
  readonly #deps: ServiceDeps;
  readonly #metrics = new AuthenticatorMetrics();
  readonly #transport: Transport;
  readonly #state: ClusterState;
  readonly #hasher: Hasher = createHasher({
    maxQueue: MAX_HASHES_WAITING,
    onDone: (operation, algorithm, seconds) =>
      this.#metrics.hashSeconds.observe({ operation, algorithm }, seconds),
  });
  readonly #verified: VerifiedSecrets;
  readonly #writeBack: WriteBack;
  readonly #server: WebhookServer;
  readonly #monitor: MonitorServer;
  #snapshot: Snapshot | undefined;

  constructor(deps: ServiceDeps) {
    const { config, access, log, now } = deps;
    this.#deps = deps;
    this.#transport = new Transport(access, {
      connections: CONNECTIONS,
      timeoutMs: REQUEST_TIMEOUT_MS,
      userAgent: config.userAgent,
    });
    const client = new KubeClient(this.#transport, (verb, code) =>
      this.#metrics.requests.inc({ verb, code }),
    );
    this.#state = new ClusterState({
      client,
      namespace: config.namespace,
      now,
      onFailure: (resource, error) => {
        log.warn('watch failed', { resource, error });
        void this.#restore();
      },
      onRestart: (reason) => this.#metrics.watchRestarts.inc({ reason }),
      onCorrections: (count) => this.#metrics.corrections.inc(count),
    });
    this.#verified = new VerifiedSecrets({
      maxEntries: MAX_VERIFIED,
      verify: (secret, hash) => this.#hasher.verify(secret, hash),
      isSlow: isSlowHash,
    });
    this.#writeBack = new WriteBack({
      state: this.#state,
      writer: client,
      namespace: config.namespace,
      now,
      onError: (error) => {
        this.#metrics.writeBackFailures.inc();
        log.warn('last use not written', { error });
      },
    });
    this.#server = this.#buildServer();
    this.#monitor = this.#buildMonitor();
    this.#publishFacts();
  }

  /** Resolves when the webhook listens. @throws when an address cannot be taken or a key file cannot be used */
  async start(): Promise<void> {
    const { config, log, now } = this.#deps;
    if (config.snapshotFile !== undefined) {
      this.#snapshot = new Snapshot({
        file: config.snapshotFile,
        key: await readKey(config.snapshotKeyFile),
        state: this.#state,
        now,
        onError: (action, error) => log.warn(action, { error }),
      });
      this.#snapshot.start();
    }
    this.#state.start();
    for (const address of config.metricsListen) {
      const bound = await this.#monitor.listen(address, { reusePort: true });
      log.info('metrics and probes', { address: bound });
    }
    await Promise.race([this.#state.synced(), delay(LISTEN_LATEST_MS)]);
    this.#writeBack.start();
    for (const address of config.listen) {
      const { host, port } = splitAddress(address);
      log.info('authenticator listens', { address: await this.#server.listen(host, port) });
    }
    void this.#state.synced().then(() => log.info('stores filled', { count: this.#state.tokens.size }));
  }

  /** Answers what was asked, writes back what was noted, and ends. */
  async stop(): Promise<void> {
    await Promise.all([this.#server.drain(), this.#monitor.close()]);
    await Promise.all([this.#writeBack.stop(), this.#snapshot?.stop()]);
    await Promise.all([this.#state.stop(), this.#transport.close(), this.#hasher.close()]);
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
        metrics: this.#metrics,
        legacy401: config.legacy401,
        onRefused: (reason) => log.debug('refused', { reason }),
        authenticator: {
          state: this.#state,
          verified: this.#verified,
          isSupported: (hash) => detectFormat(hash) !== undefined,
          spendTime: (secret) => spender.spend(secret),
          withExtra: config.withExtra,
          maxStalenessMs: config.maxStalenessMs,
          now,
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

  /** The API server is not there at the start: what was last known is better than nothing. */
  async #restore(): Promise<void> {
    const { log } = this.#deps;
    if (!this.#snapshot || this.#state.isFilled) return;
    try {
      await this.#snapshot.restore();
      log.warn('answering from the snapshot', { count: this.#state.tokens.size });
    } catch (error) {
      log.warn('snapshot not used', { error });
    }
  }

  #publishFacts(): void {
    const { now } = this.#deps;
    const startedAtMs = now();
    this.#metrics.beforeScrape(() => ({
      isReady: this.#state.isFilled,
      hits: this.#verified.hits,
      misses: this.#verified.misses,
      hashesQueued: this.#hasher.queued,
      writesPending: this.#writeBack.pending,
      objects: {
        ClusterAuthToken: this.#state.tokens.size,
        Secret: this.#state.secrets.size,
        ClusterUserAttribute: this.#state.users.size,
      },
      ageSeconds: Math.max(0, (now() - (this.#state.confirmedAtMs || startedAtMs)) / 1000),
      lastSyncSeconds: this.#state.confirmedAtMs / 1000,
    }));
  }
}

async function readKey(file: string | undefined): Promise<Uint8Array> {
  const key = file === undefined ? Buffer.alloc(0) : await readFile(file);
  if (key.length < MIN_KEY_BYTES) {
    throw new ConfigError(`--snapshot-key-file: wanted a file of ${MIN_KEY_BYTES} bytes or more`);
  }
  return key;
}
