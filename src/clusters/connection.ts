import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import type { KubeObject, Observed } from '../api/types.ts';
import type { Installation } from '../derive/ownership.ts';
import { ApiError, ConnectionError, isRefusal, OtherPlaneError } from '../errors.ts';
import { KubeClient, type RequestObserver } from '../kube/client.ts';
import type { Fence } from '../kube/fence.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { PlaneIdentity } from '../kube/plane-identity.ts';
import { Reflector } from '../kube/reflector.ts';
import type { ReflectorTiming } from '../kube/reflector-options.ts';
import type { Store } from '../kube/store.ts';
import { Transport } from '../kube/transport.ts';
import { ObservedState, parseClusterAuthToken, parseClusterUserAttribute, parseSecret } from './observed.ts';
import { type DownstreamDefinitions, makeNamespace, prepareCluster } from './prepare.ts';

export interface ConnectionOptions {
  /** Management id of the cluster. */
  readonly cluster: string;
  /** What management knows of other cluster ids. */
  readonly installation?: Installation | undefined;
  readonly namespace: string;
  readonly access: Access;
  readonly definitions: DownstreamDefinitions;
  readonly connections: number;
  readonly timeoutMs: number;
  readonly userAgent: string;
  /** UID of the cluster that this is expected to be; undefined: any. */
  readonly expectedUid?: string | undefined;
  /** Asked before each write is sent. */
  readonly mayWrite?: Fence | undefined;
  readonly timing?: Partial<ReflectorTiming>;
  readonly onRequest?: RequestObserver;
  readonly onWatchRestart?: (reason: string) => void;
  readonly onCorrections?: (count: number) => void;
  readonly onObject: (object: KubeObject, deleted: boolean) => void;
  /** The server is gone or refuses us; called once. */
  readonly onLost: (error: unknown) => void;
}

/** So many failures in a row of one watch, and the connection counts as lost. */
const FAILURES_UNTIL_LOST = 3;
/** Of one list of a cluster, which may be in anybody's hands: it must not take the memory that the others need. */
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** One working connection to a downstream API server: its client, its watches, what they have seen. */
export class Connection {
  readonly client: KubeClient;
  readonly observed: ObservedState;
  readonly #options: ConnectionOptions;
  readonly #transport: Transport;
  /** Which cluster this is. */
  readonly plane: PlaneIdentity;
  readonly #reflectors: ReadonlyMap<string, Reflector<Observed>>;
  #probing = false;
  #strangerUid: string | undefined;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const { mayWrite = () => true } = options;
    // What another cluster would be told, which answers all of a sudden, was meant for this one.
    const isItself = (): boolean => this.plane.stranger === undefined;
    this.#transport = new Transport(options.access, { ...options, mayWrite: () => mayWrite() && isItself() });
    this.client = new KubeClient(this.#transport, options.onRequest);
    this.plane = new PlaneIdentity(this.client);
    this.observed = new ObservedState(
      options.cluster,
      (object) => this.#missEcho(object),
      options.installation,
    );
    this.#reflectors = new Map([
      this.#reflector(CLUSTER_AUTH_TOKENS, this.observed.tokens, parseClusterAuthToken),
      this.#reflector(CLUSTER_USER_ATTRIBUTES, this.observed.users, parseClusterUserAttribute),
      this.#reflector(SECRETS, this.observed.secrets, parseSecret),
    ]);
  }

  /** A write of ours that no watch told of proves that this watch hangs: what it missed besides must not stay hidden. */
  #missEcho(object: KubeObject): void {
    void this.#reflectors.get(object.kind)?.refresh();
    this.#options.onObject(object, false);
  }

  /** UID of the cluster that answered in the place of the expected one. It is looked at, and not made ready. */
  get strangerUid(): string | undefined {
    return this.#strangerUid;
  }

  /**
   * Prepares the cluster, if it is the expected one, and fills the stores. Until this resolves, nothing here says anything
   * about absence.
   */
  async open(signal: AbortSignal): Promise<void> {
    const { namespace, definitions, expectedUid } = this.#options;
    // One after the other: a cluster that is away is probed over one connection.
    const uid = await this.plane.identify();
    if (expectedUid !== undefined && uid !== undefined && uid !== expectedUid) this.#strangerUid = uid;
    if (this.#strangerUid === undefined) await prepareCluster(this.client, namespace, definitions, signal);
    else this.observed.isElsewhere();
    const reflectors = [...this.#reflectors.values()];
    for (const reflector of reflectors) reflector.start();
    await Promise.all(reflectors.map((reflector) => reflector.synced));
  }

  /**
   * A request failed in a way that may mean the cluster is gone: one probe decides. A single broken socket
   * must not cost a whole connection. Where something else than an object is missing, it may be the namespace.
   */
  async suspect(error: unknown): Promise<void> {
    const isMissing = error instanceof ApiError && error.code === 404;
    // In another cluster nothing is made.
    const isToMake = isMissing && this.#strangerUid === undefined;
    if (!(isToMake || isConnectionTrouble(error)) || this.#probing) return;
    this.#probing = true;
    try {
      if (isToMake) await makeNamespace(this.client, this.#options.namespace);
      else await this.client.list(CLUSTER_AUTH_TOKENS, { namespace: this.#options.namespace, limit: 1 });
    } catch (probeError) {
      // A server that is too busy for a question is there.
      if (isBusy(probeError) || isToMake) return;
      this.#options.onLost(probeError);
    } finally {
      this.#probing = false;
    }
  }

  async close(): Promise<void> {
    this.observed.close();
    const stopped = [...this.#reflectors.values()].map((reflector) => reflector.stop());
    await this.#transport.close();
    await Promise.allSettled(stopped);
  }

  #reflector(
    resource: Resource,
    store: Store<Observed>,
    parse: (raw: unknown) => Observed,
  ): readonly [kind: string, reflector: Reflector<Observed>] {
    const { namespace, timing, onObject, onLost, onWatchRestart, onCorrections } = this.#options;
    store.onChange((event) => onObject(event.object.object, event.type === 'deleted'));
    const reflector = new Reflector<Observed>({
      client: this.client,
      plane: this.plane,
      maxBytes: MAX_LIST_BYTES,
      resource,
      namespace,
      // The namespace holds others' Secrets too: they are none of our business.
      labelSelector: resource === SECRETS ? `${LABEL_MANAGED_BY}=${FIELD_MANAGER}` : undefined,
      parse,
      store,
      ...(timing ? { timing } : {}),
      observer: {
        failed: (error, failures) => {
          if (isRefusal(error) || error instanceof OtherPlaneError || failures >= FAILURES_UNTIL_LOST)
            onLost(error);
        },
        restarted: (reason) => onWatchRestart?.(reason),
        corrected: (count) => onCorrections?.(count),
      },
    });
    return [resource.kind, reflector];
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof ApiError && (error.code === 429 || error.retryAfterMs !== undefined);
}

function isConnectionTrouble(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && error.code === 401);
}
