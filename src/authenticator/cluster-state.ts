import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  REFRESH_DEBOUNCE,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import {
  type ClusterAuthToken,
  type ClusterUserAttribute,
  type ConfigValue,
  type HashSecret,
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseConfigValue,
  parseHashSecret,
} from '../api/parse-downstream.ts';
import type { Identified } from '../api/types.ts';
import { isRefusal } from '../errors.ts';
import type { KubeClient } from '../kube/client.ts';
import { Reflector } from '../kube/reflector.ts';
import { Store } from '../kube/store.ts';
import type { Held } from './judge.ts';

export interface ClusterStateOptions {
  readonly client: KubeClient;
  readonly namespace: string;
  /** The wall clock, milliseconds since the epoch. */
  readonly now: () => number;
  /** A clock that nobody sets, for ages; milliseconds. */
  readonly monotonic: () => number;
  readonly onFailure: (resource: string, error: unknown) => void;
  readonly onRestart?: (reason: string) => void;
  readonly onCorrections?: (count: number) => void;
}

/** What of a cluster is kept across a restart. */
export interface StateContent {
  readonly tokens: readonly ClusterAuthToken[];
  readonly secrets: readonly HashSecret[];
  readonly users: readonly ClusterUserAttribute[];
}

/** The authenticator's own cluster, as its watches tell; at a start without an API server, as a snapshot told. */
export class ClusterState {
  readonly tokens = new Store<ClusterAuthToken>();
  readonly secrets = new Store<HashSecret>();
  readonly users = new Store<ClusterUserAttribute>();
  readonly #configs = new Store<ConfigValue>();
  readonly #options: ClusterStateOptions;
  readonly #reflectors: readonly Reflector<never>[];
  #cluster = '';
  /** By the monotonic clock: the wall clock may be set meanwhile. */
  readonly #confirmedAt = new Map<string, number>();
  /** By kind: its last list or watch failed. */
  readonly #faults = new Map<string, { readonly isRefusal: boolean; readonly atMs: number }>();
  /** By kind: when something last arrived of a list that has not ended. */
  readonly #arrivedAt = new Map<string, number>();
  readonly #filled = Promise.withResolvers<void>();
  /** When what was restored was confirmed, by the monotonic clock. */
  #restoredAt: number | undefined;
  /** What is to be added to the monotonic clock for a time that it cannot be before; milliseconds. */
  #sinceSnapshotMs = Number.NEGATIVE_INFINITY;

  constructor(options: ClusterStateOptions) {
    this.#options = options;
    this.#reflectors = [
      this.#reflector(CLUSTER_AUTH_TOKENS, this.tokens, parseClusterAuthToken),
      this.#reflector(CLUSTER_USER_ATTRIBUTES, this.users, parseClusterUserAttribute),
      this.#reflector(
        SECRETS,
        this.secrets,
        (raw) => parseHashSecret(raw, (name) => this.tokens.get(name)),
        HASH_SECRETS,
      ),
      this.#reflector(CONFIG_MAPS, this.#configs, parseConfigValue, {
        fieldSelector: `metadata.name=${REFRESH_DEBOUNCE}`,
      }),
    ] as unknown as readonly Reflector<never>[];
    this.tokens.onChange(({ object }) => {
      this.#cluster = object.cluster || this.#cluster;
    });
  }

  /** Id of this cluster in the management plane, as the tokens' writer notes it; empty when unknown. */
  get cluster(): string {
    return this.#cluster;
  }

  start(): void {
    void this.synced().then(() => this.#filled.resolve());
    for (const reflector of this.#reflectors) reflector.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#reflectors.map((reflector) => reflector.stop()));
  }

  /** True once the API server has told everything that decides about a token. */
  get hasSynced(): boolean {
    return this.#deciding.every((reflector) => reflector.hasSynced);
  }

  async synced(): Promise<void> {
    await Promise.all(this.#deciding.map((reflector) => reflector.synced));
  }

  /** True when the API server's last word on a kind that decides about a token is that we may not read it (401, 403), and it was not silent since. */
  get isRefused(): boolean {
    return DECIDING.some((plural) => {
      const fault = this.#faults.get(plural);
      return fault?.isRefusal && this.#options.monotonic() - fault.atMs < REFUSED_MS;
    });
  }

  /** True when a kind that decides about a token could not be read, for another reason than that. */
  get hasFailed(): boolean {
    return DECIDING.some((plural) => this.#faults.get(plural)?.isRefusal === false);
  }

  /** True while the API server sends what decides about a token and was not told yet: who is slow is not away. */
  get isBeingTold(): boolean {
    const sinceMs = this.#options.monotonic() - SENDING_MS;
    return this.#deciding.some(({ hasSynced }, at) => {
      const arrivedAtMs = this.#arrivedAt.get(DECIDING[at] ?? '');
      return !hasSynced && arrivedAtMs !== undefined && arrivedAtMs > sinceMs;
    });
  }

  /** True when there is something to judge by. */
  get isFilled(): boolean {
    return this.#restoredAt !== undefined || this.hasSynced;
  }

  /** Resolves when there is something to judge by. */
  get filled(): Promise<void> {
    return this.#filled.promise;
  }

  /** Milliseconds since all of this was last known to be what the API server has; undefined for never. */
  get ageMs(): number | undefined {
    const at = this.hasSynced
      ? Math.min(...DECIDING.map((plural) => this.#confirmedAt.get(plural) ?? 0))
      : this.#restoredAt;
    return at === undefined ? undefined : this.#options.monotonic() - at;
  }

  /** When all of this was last known to be what the API server has; milliseconds since the epoch, 0 for never. */
  get confirmedAtMs(): number {
    const { ageMs } = this;
    return ageMs === undefined ? 0 : Math.round(this.nowMs - ageMs);
  }

  /**
   * The time to judge by; milliseconds since the epoch. The wall clock's, and after a start without an API server no earlier one than the
   * snapshot's: what had expired by then stays so, also where the clock has no battery. Once the API server has told everything the wall
   * clock alone counts, for a snapshot whose clock was ahead must keep nobody out for as long as this process lives.
   */
  get nowMs(): number {
    const { now, monotonic } = this.#options;
    return this.hasSynced ? now() : Math.max(now(), monotonic() + this.#sinceSnapshotMs);
  }

  held(name: string): Held {
    const token = this.tokens.get(name);
    return { token, secret: this.secrets.get(name), user: token && this.users.get(token.userName) };
  }

  /** Seconds after which a user's groups should be refreshed; undefined when that is switched off. */
  get refreshAfterSeconds(): number | undefined {
    const value = this.#configs.get(REFRESH_DEBOUNCE)?.value ?? '';
    return /^\d{1,9}$/.test(value) ? Number(value) : undefined;
  }

  content(): StateContent {
    // Others' Secrets of the namespace are none of a snapshot's business, whatever their keys are called.
    const hashes = [...this.secrets.list()].filter(({ name, hash }) => hash !== '' && this.tokens.get(name));
    return { tokens: [...this.tokens.list()], secrets: hashes, users: [...this.users.list()] };
  }

  /**
   * Takes over a snapshot, but for the kinds that the API server has told already: what is newer there must not be
   * put back, since no watch would tell it again.
   */
  restore(content: StateContent, confirmedAtMs: number): void {
    if (this.hasSynced) return;
    const [tokens, users, secrets] = this.#deciding;
    if (!tokens?.hasSynced) this.tokens.replace(content.tokens);
    if (!users?.hasSynced) this.users.replace(content.users);
    if (!secrets?.hasSynced) this.secrets.replace(content.secrets);
    const { now, monotonic } = this.#options;
    // A clock that is behind, as one without a battery after a start, makes nothing younger than now.
    this.#restoredAt = monotonic() - Math.max(0, now() - confirmedAtMs);
    this.#sinceSnapshotMs = confirmedAtMs - monotonic();
    this.#filled.resolve();
  }

  /** The last, for refresh hints, decides about nothing. */
  get #deciding(): readonly Reflector<never>[] {
    return this.#reflectors.slice(0, DECIDING.length);
  }

  #reflector<T extends Identified>(
    resource: Resource,
    store: Store<T>,
    parse: (raw: unknown) => T,
    selection: { fieldSelector?: string; pageLimit?: number } = {},
  ): Reflector<T> {
    const { client, namespace, monotonic, onFailure, onRestart, onCorrections } = this.#options;
    const confirm = (): void => {
      this.#confirmedAt.set(resource.plural, monotonic());
      this.#faults.delete(resource.plural);
    };
    return new Reflector({
      client,
      resource,
      namespace,
      parse,
      store,
      asksForWitness: true,
      onData: () => void this.#arrivedAt.set(resource.plural, monotonic()),
      timing: { backoffMaxMs: BACKOFF_MAX_MS },
      ...selection,
      observer: {
        succeeded: confirm,
        failed: (error) => {
          this.#faults.set(resource.plural, { isRefusal: isRefusal(error), atMs: monotonic() });
          this.#arrivedAt.delete(resource.plural);
          onFailure(resource.plural, error);
        },
        restarted: (reason) => onRestart?.(reason),
        corrected: (count) => onCorrections?.(count),
      },
    });
  }
}

/** Its API server is beside it, or near: once that is back, what was revoked meanwhile is due within seconds. */
const BACKOFF_MAX_MS = 5_000;
/** A list of which nothing more arrives for so long is not on its way any more. */
const SENDING_MS = 5_000;
/** Who was refused asks again within one backoff; who then hears nothing for as long again hears silence. */
const REFUSED_MS = 2 * BACKOFF_MAX_MS;

/**
 * Hash Secrets, Rancher's and ours, are Opaque: what else lies in the namespace (releases of Helm, a megabyte each) never
 * gets here. Others' Opaque ones may be as large, so that few are asked for at a time.
 */
const HASH_SECRETS = { fieldSelector: 'type=Opaque', pageLimit: 50 };

/** The kinds that decide about a token, in the order of the reflectors. */
const DECIDING = [CLUSTER_AUTH_TOKENS.plural, CLUSTER_USER_ATTRIBUTES.plural, SECRETS.plural];
