import type { ClusterReason } from '../api/reasons.ts';
import type { KubeObject } from '../api/types.ts';
import { ApiError, ConfigError, ConnectionError, describeError, OtherPlaneError } from '../errors.ts';
import { backoffMs, pause } from '../kube/backoff.ts';
import type { Access } from '../kube/kubeconfig.ts';
import type { ConnectPace, Urgency } from './connect-pace.ts';
import { Connection, type ConnectionOptions } from './connection.ts';

/** What a session is doing. `reason` and `message` are what a person is shown. */
export type SessionState =
  | { readonly phase: 'connecting' }
  | {
      readonly phase: 'connected';
      readonly sinceMs: number;
      /** UID of the cluster's namespace `kube-system`, as first seen; undefined where the credentials may not read that. */
      readonly clusterUid: string | undefined;
      /** UID of the cluster that answers in its place, when it is another one. */
      readonly strangerUid: string | undefined;
    }
  | {
      readonly phase: 'disconnected';
      readonly reason: ClusterReason;
      readonly message: string;
      readonly nextTryMs: number;
      /** As when connected. */
      readonly strangerUid?: string | undefined;
    };

/** Told by a session to its owner. Handlers only enqueue. */
export interface SessionListener {
  stateChanged(state: SessionState): void;
  objectChanged(object: KubeObject, deleted: boolean): void;
}

export interface SessionOptions
  extends Omit<ConnectionOptions, 'access' | 'onLost' | 'onObject' | 'expectedUid'> {
  readonly access: () => Promise<Access>;
  readonly listener: SessionListener;
  /** UID of the cluster, as first seen, by whichever process. Another one is never written to but to take away what is ours. */
  readonly knownUid?: string | undefined;
  /** Which connections begin when, of all clusters. */
  readonly pace: Pick<ConnectPace, 'turn'>;
  /** Revocations wait for this cluster to be connected. */
  readonly owes?: () => boolean;
  /** One was open until now, by other credentials. */
  readonly replaces?: boolean;
}

const BACKOFF_BASE_MS = 1_000;
const BACKOFF_MAX_MS = 30_000;
/** A cluster that was tried in vain more often may well be away for long. */
const PROMISING_FAILURES = 2;

/**
 * One downstream cluster: connects, watches, notices the loss of it, and tries again for ever.
 *
 * A cluster that is down costs one probe per backoff step and nothing else; nobody waits for it.
 */
export class ClusterSession {
  readonly #options: SessionOptions;
  readonly #stopping = new AbortController();
  #state: SessionState = { phase: 'connecting' };
  #connection: Connection | undefined;
  #running: Promise<void> | undefined;
  #clusterUid: string | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#clusterUid = options.knownUid;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** The live connection; undefined while there is none, or while its stores are not filled yet. */
  get connection(): Connection | undefined {
    return this.#connection;
  }

  start(): void {
    this.#running ??= this.#run(this.#stopping.signal);
  }

  /** Ends the connection at once; requests in flight fail. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #run(signal: AbortSignal): Promise<void> {
    let failures = 0;
    for (;;) {
      await this.#options.pace.turn(() => this.#urgency(failures), signal);
      if (signal.aborted) return;
      const lost = Promise.withResolvers<unknown>();
      // For each attempt anew: reactions to one promise that never settles would pile up for as long as we run.
      const end = (): void => lost.resolve(signal.reason);
      signal.addEventListener('abort', end, { once: true });
      let connection: Connection | undefined;
      try {
        connection = new Connection({
          ...this.#options,
          expectedUid: this.#clusterUid,
          access: await this.#options.access(),
          onLost: lost.resolve,
          onObject: (object, deleted) => this.#options.listener.objectChanged(object, deleted),
        });
        await Promise.race([connection.open(signal), rejectWith(lost.promise)]);
        failures = 0;
        this.#connection = connection;
        this.#become(this.#connected(connection));
        throw await lost.promise;
      } catch (error) {
        this.#connection = undefined;
        failures += 1;
        await this.#waitAfter(error, failures, connection, signal);
      } finally {
        signal.removeEventListener('abort', end);
      }
    }
  }

  #urgency(failures: number): Urgency {
    const { owes, replaces } = this.#options;
    const isUrgent = owes?.() || (replaces && this.#state.phase === 'connecting');
    if (failures > PROMISING_FAILURES) return isUrgent ? 'promising' : 'failing';
    return isUrgent ? 'urgent' : 'promising';
  }

  async #waitAfter(
    error: unknown,
    failures: number,
    connection: Connection | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (!signal.aborted) {
      const asked = error instanceof ApiError ? (error.retryAfterMs ?? 0) : 0;
      const delayMs = Math.max(asked, backoffMs(failures, BACKOFF_BASE_MS, BACKOFF_MAX_MS));
      const strangerUid = connection?.strangerUid;
      this.#become({
        phase: 'disconnected',
        ...explain(error),
        ...(strangerUid === undefined ? {} : { strangerUid }),
        nextTryMs: Date.now() + delayMs,
      });
      await connection?.close();
      await pause(delayMs, signal);
      return;
    }
    await connection?.close();
  }

  #connected({ plane, strangerUid }: Connection): SessionState {
    // The first that is seen counts, for as long as nobody says otherwise.
    if (strangerUid === undefined) this.#clusterUid ??= plane.uid;
    return { phase: 'connected', sinceMs: Date.now(), clusterUid: this.#clusterUid, strangerUid };
  }

  #become(state: SessionState): void {
    this.#state = state;
    this.#options.listener.stateChanged(state);
  }
}

async function rejectWith(promise: Promise<unknown>): Promise<never> {
  throw await promise;
}

/** The closed reason and the message for why there is no connection. */
export function explain(error: unknown): { reason: ClusterReason; message: string } {
  return { reason: reasonOf(error), message: describeError(error) };
}

function reasonOf(error: unknown): ClusterReason {
  if (error instanceof ConfigError) return 'CredentialsInvalid';
  if (error instanceof ConnectionError) return error.reason;
  if (error instanceof OtherPlaneError) return 'ClusterReplaced';
  if (error instanceof ApiError && error.code === 401) return 'CredentialsRejected';
  if (error instanceof ApiError && error.code === 403) return 'Forbidden';
  return error instanceof ApiError ? 'Failing' : 'Unreachable';
}
