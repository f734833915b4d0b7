import {
  EXT_TOKEN_SECRETS,
  FIELD_MANAGER,
  LABEL_MANAGED_BY,
  type Resource,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../../src/api/names.ts';
import { DEFAULT_SPEC } from '../../src/api/parse-cluster.ts';
import { parseToken } from '../../src/api/parse-token.ts';
import { parseUser, parseUserAttribute } from '../../src/api/parse-user.ts';
import type {
  HashAlgorithmName,
  HashStorage,
  KubeObject,
  PropagationSpec,
  Token,
} from '../../src/api/types.ts';
import {
  ObservedState,
  parseClusterAuthToken,
  parseClusterUserAttribute,
  parseSecret,
} from '../../src/clusters/observed.ts';
import type { Mode } from '../../src/derive/cluster-facts.ts';
import { effectiveExpiryMs } from '../../src/derive/expiry.ts';
import { ApiError, TerminalError } from '../../src/errors.ts';
import { createHasher, type Hasher } from '../../src/hash/hasher.ts';
import { Marks } from '../../src/hash/marks.ts';
import { HashStore } from '../../src/hash/pending.ts';
import { isInvalid } from '../../src/kube/apply.ts';
import type { Rules } from '../../src/operator/decide/facts.ts';
import type { Notice } from '../../src/operator/decide/plan.ts';
import { installationOf } from '../../src/operator/installation/installation.ts';
import { type Lane, tokenKey, userKey } from '../../src/operator/keys.ts';
import { keysOf } from '../../src/operator/queue/changed-keys.ts';
import { WorkQueue } from '../../src/operator/queue/workqueue.ts';
import { reconcile } from '../../src/operator/reconcile/reconcile.ts';
import { TokenHashes } from '../../src/operator/reconcile/token-hashes.ts';
import type { Downstream, Work } from '../../src/operator/reconcile/work.ts';
import { Lag } from '../../src/operator/report/lag.ts';
import { Outcomes } from '../../src/operator/report/outcomes.ts';
import type { CarriedCluster } from '../../src/operator/report/sync-back.ts';
import { DeletionEvidence } from '../../src/operator/upstream/deletions.ts';
import { Management } from '../../src/operator/upstream/management.ts';
import { type Json, NOW, rawToken, rawUser, rawUserAttribute } from './builders.ts';
import { FakeApi, type FakeEvent } from './fake-api.ts';

const CLUSTER = 'c-1';
const NAMESPACE = 'cattle-system';
/** Which management plane this is. */
export const INSTALLATION = 'uid-of-the-plane';
/** Far more turns than any scenario takes. */
const MAX_TURNS = 400;
/** When a refused removal is tried again; the queue of the operator counts up to it. */
const RETRY_MS = 5_000;
const FORBIDDEN = new ApiError('secrets is forbidden', {
  ...{ code: 403, statusReason: 'Forbidden', objectMissing: false, retryAfterMs: undefined },
});

/**
 * One downstream cluster's propagation without a process around it: management stores that the test writes, a
 * downstream API in memory, real reconcilers, queue, outcomes and observed state in between.
 *
 * The downstream watch is told event by event, so that a test may let it lag.
 */
export class ReconcileWorld {
  readonly downstream = new FakeApi();
  readonly management = new Management(['ace-operator'], { extTokens: true });
  readonly queue = new WorkQueue(() => 0);
  readonly evidence = new DeletionEvidence();
  /** What the lags were, in the order in which they ended: `propagated`, or `revoked` by its cause. */
  readonly lags: { what: string; seconds: number }[] = [];
  /** What was told of debts, such as `token/t-1 token`, `user/u-1 groups`, `user/u-1 paid`. */
  readonly debts: string[] = [];
  readonly lag = new Lag({
    management: this.management,
    evidence: this.evidence,
    now: () => this.nowMs,
    onDebt: (key, debt) =>
      void this.debts.push(`${key} ${debt?.isOfGroups ? 'groups' : (debt?.cause ?? 'paid')}`),
    series: {
      changed: () => {},
      propagated: (seconds) => void this.lags.push({ what: 'propagated', seconds }),
      revoked: (cause, seconds) => void this.lags.push({ what: `revoked ${cause}`, seconds }),
    },
  });
  readonly outcomes = new Outcomes(
    () => {},
    (key, outcome) => this.lag.settled(key, outcome),
  );
  readonly hashes: HashStore;
  readonly observed: ObservedState;
  readonly notices: Notice[] = [];
  /** Keys that asked to be looked at later, and when. */
  readonly planned = new Map<string, number>();
  readonly approved = new Set<string>();
  nowMs = NOW;
  /** The clock of the management plane, where it is another. */
  planeNowMs: number | undefined;
  mode: Mode = 'propagate';
  spec: PropagationSpec = DEFAULT_SPEC;
  algorithm: HashAlgorithmName = 'sha3-512';
  storage: HashStorage = 'secret';
  sweepsRequested = 0;
  isMoving = false;
  /** The installation key of the process. */
  key = Buffer.from('installation-key-of-the-test');
  /** The cluster is not connected: nothing is worked before {@link sweep}. */
  isAway = false;
  /** Users that are not there any more, though no watch told it yet. */
  readonly goneUsers = new Set<string>();
  /** What a live read of the management plane throws, if anything. */
  liveFault: Error | undefined;
  /** Secrets behind tokens of `ext.cattle.io`, as a live read finds them; `forbidden`: it is not allowed. */
  extSecrets: ReadonlyMap<string, object> | 'forbidden' = new Map();
  /** What live reads find although no watch told it yet, as `Kind/name`. */
  readonly aheadOfWatch = new Set<string>();
  readonly hasher: Hasher;
  readonly #untold = new Map<string, FakeEvent[]>();
  #version = 1;

  constructor(hasher: Hasher = createHasher()) {
    this.hasher = hasher;
    this.hashes = new HashStore(hasher);
    const installation = installationOf(this.management, INSTALLATION);
    this.observed = new ObservedState(CLUSTER, (object) => this.#enqueueObject(object, false), installation);
    this.downstream.onEvent = (event) => {
      const untold = this.#untold.get(event.object.kind) ?? [];
      this.#untold.set(event.object.kind, [...untold, event]);
    };
  }

  // What a person, or Rancher, does upstream.

  putToken(fields: Json = {}, metadata: Json = {}): Token {
    const token = parseToken(rawToken(fields, { ...metadata, resourceVersion: this.#nextVersion() }));
    const before = this.management.tokens.get(token.name);
    this.management.tokens.put(token);
    if (before && before.uid !== token.uid) {
      this.evidence.add(tokenKey(token.name), this.nowMs);
      this.#tell(tokenKey(token.name), 'revocation', before);
    }
    this.#tell(tokenKey(token.name), token.enabled && !token.deleting ? 'normal' : 'revocation', token);
    if (before && (before.uid !== token.uid || before.userName !== token.userName)) this.#leftBy(before);
    return token;
  }

  deleteToken(name = 't-1', options: { told: boolean } = { told: true }): void {
    const token = this.management.tokens.get(name);
    if (!token) return;
    this.management.tokens.remove(token);
    if (options.told) this.evidence.add(tokenKey(name), this.nowMs);
    this.#tell(tokenKey(name), 'revocation', token);
    this.#leftBy(token);
  }

  putUser(fields: Json = {}, metadata: Json = {}): void {
    const user = parseUser(rawUser(fields, { ...metadata, resourceVersion: this.#nextVersion() }));
    this.management.users.put(user);
    this.#enqueueUser(user.name, user.enabled ? 'normal' : 'revocation', true);
  }

  deleteUser(name = 'u-1', options: { told: boolean } = { told: true }): void {
    const user = this.management.users.get(name);
    if (!user) return;
    this.management.users.remove(user);
    if (options.told) this.evidence.add(userKey(name), this.nowMs);
    this.#enqueueUser(name, 'revocation', true);
  }

  putAttribute(fields: Json = {}, metadata: Json = {}): void {
    const attribute = parseUserAttribute(
      rawUserAttribute(fields, { ...metadata, resourceVersion: this.#nextVersion() }),
    );
    this.management.attributes.put(attribute);
    this.#enqueueUser(attribute.name, 'normal', false);
  }

  deleteAttribute(name = 'u-1'): void {
    const attribute = this.management.attributes.get(name);
    if (attribute) this.management.attributes.remove(attribute);
    this.#enqueueUser(name, 'normal', false);
  }

  /** Everything there is, upstream or downstream, is to be looked at: what a sweep does. */
  sweep(): void {
    const managed = this.observed.managed();
    const users = new Set([...managed.users, ...[...this.management.users.list()].map(({ name }) => name)]);
    const tokens = new Set([
      ...managed.tokens,
      ...[...this.management.tokens.list()].map(({ name }) => name),
    ]);
    for (const name of users) this.queue.add(userKey(name), 'background');
    for (const name of tokens) this.queue.add(tokenKey(name), 'background');
  }

  // How time passes.

  /** Works keys and tells the watch's events until there is nothing left to do now. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < MAX_TURNS; turn += 1) {
      this.tellWatch();
      if (this.queue.size === 0) return;
      await this.workOne();
    }
    throw new Error(`not settled after ${MAX_TURNS} turns: a key comes back for ever`);
  }

  /** Lets the clock run; what was planned until then is worked. */
  async advance(ms: number): Promise<void> {
    this.nowMs += ms;
    for (const [key, dueMs] of this.planned) {
      if (dueMs > this.nowMs) continue;
      this.planned.delete(key);
      this.queue.add(key, 'revocation');
    }
    await this.settle();
  }

  /**
   * One worker works one key; a failure brings it back, as operator/propagate/worker.ts does.
   *
   * @returns the key
   */
  async workOne(): Promise<string | undefined> {
    const key = await this.queue.get();
    if (key === undefined) return undefined;
    try {
      const result = await reconcile(key, this.workOf(key));
      if (result.kind === 'requeueAfter') this.#plan(key, result.delayMs);
    } catch (error) {
      if (error instanceof TerminalError) {
        this.outcomes.set(key, { state: 'failed', reason: 'Rejected', message: error.message });
      } else if (isInvalid(error)) {
        this.outcomes.set(key, { state: 'failed', reason: 'Rejected', message: error.message });
        this.planned.set(key, this.nowMs + RETRY_MS);
      } else if (error instanceof ApiError && error.code === 403) {
        this.outcomes.set(key, { state: 'failed', reason: 'Forbidden', message: error.message });
        this.planned.set(key, this.nowMs + RETRY_MS);
      } else {
        this.outcomes.set(key, { state: 'pending' });
        this.queue.add(key, 'normal');
      }
    } finally {
      this.queue.done(key);
    }
    return key;
  }

  /** Tells what the watches have not told yet: all, or up to `count` events of one kind. */
  tellWatch(kind?: string, count = Number.POSITIVE_INFINITY): void {
    for (const [untoldKind, events] of this.#untold) {
      if (kind !== undefined && kind !== untoldKind) continue;
      for (const event of events.splice(0, count)) this.#show(event);
    }
  }

  /** The cluster, as far as writes and what is carried back concern it. */
  get context(): Downstream & CarriedCluster {
    const { management, outcomes, queue } = this;
    return { name: CLUSTER, management, outcomes, queue, now: () => this.nowMs, ...this.#downstreamOf('') };
  }

  /** What the reconcile of this key sees. */
  workOf(key: string): Work {
    return {
      rules: () => this.rules,
      upstream: {
        management: this.management,
        live: { get: (object) => this.#live(object), list: () => Promise.reject(new Error('not used')) },
        deletions: this.evidence,
        isAllowed: (allowed) => this.approved.has(allowed),
        awaitedElsewhereSinceMs: () => (this.isMoving ? this.nowMs : undefined),
      },
      downstream: this.#downstreamOf(key),
      hashes: this.tokenHashes,
      ledger: {
        outcomes: this.outcomes,
        queue: this.queue,
        requestSweep: () => {
          this.sweepsRequested += 1;
        },
        notify: (_about, notice) => void this.notices.push(notice),
      },
    };
  }

  get rules(): Rules {
    const { mode, spec, algorithm, storage, nowMs } = this;
    const isPaused = spec.suspend || mode === 'hold';
    const planeMs = this.planeNowMs ?? nowMs;
    return {
      place: { cluster: CLUSTER, namespace: NAMESPACE, storage },
      ...{ algorithm, mode, isPaused, adopts: spec.adopt },
      clock: { nowMs, agreedMs: Math.min(nowMs, planeMs), latestMs: Math.max(nowMs, planeMs) },
    };
  }

  get tokenHashes(): TokenHashes {
    return new TokenHashes(this.hashes, new Marks(this.key));
  }

  #downstreamOf(key: string): Downstream {
    const { downstream: client, observed, mode } = this;
    const writes = this.lag.writesOf({ key, mode, observed, queuedAtMs: this.nowMs });
    return { client, observed, writes, adopts: this.spec.adopt };
  }

  async close(): Promise<void> {
    this.queue.close();
    this.observed.close();
    await this.hasher.close();
  }

  #plan(key: string, delayMs: number): void {
    if (delayMs <= 0) {
      this.queue.add(key, 'normal');
      return;
    }
    const dueMs = this.nowMs + delayMs;
    this.planned.set(key, Math.min(this.planned.get(key) ?? dueMs, dueMs));
  }

  async #live({ resource, name }: { resource: Resource; name: string }): Promise<unknown | undefined> {
    await Promise.resolve();
    if (this.liveFault) throw this.liveFault;
    if (this.aheadOfWatch.has(`${resource.kind}/${name}`)) return {};
    if (resource === EXT_TOKEN_SECRETS) {
      if (this.extSecrets === 'forbidden') throw FORBIDDEN;
      return this.extSecrets.get(name);
    }
    if (resource === TOKENS) return this.management.tokens.get(name);
    if (resource === USER_ATTRIBUTES) return this.management.attributes.get(name);
    return resource === USERS && !this.goneUsers.has(name) ? this.management.users.get(name) : undefined;
  }

  /** As operator/propagate/propagator.ts does. */
  #tell(key: string, priority: Lane, token?: Token): void {
    this.lag.changed({
      key,
      isRevocation: priority === 'revocation',
      expiresAtMs: token && effectiveExpiryMs(token),
      outcome: this.outcomes.get(key),
      isAway: this.isAway,
    });
    if (!this.isAway) this.queue.add(key, priority);
  }

  #show({ type, object }: FakeEvent): void {
    // The Secrets are watched by label: one that loses it is told as deleted.
    const isHidden = object.kind === 'Secret' && object.metadata.labels?.[LABEL_MANAGED_BY] !== FIELD_MANAGER;
    const store =
      object.kind === 'Secret'
        ? this.observed.secrets
        : object.kind === 'ClusterAuthToken'
          ? this.observed.tokens
          : this.observed.users;
    const parse =
      object.kind === 'Secret'
        ? parseSecret
        : object.kind === 'ClusterAuthToken'
          ? parseClusterAuthToken
          : parseClusterUserAttribute;
    const deleted = type === 'DELETED' || isHidden;
    const told = parse(object);
    if (deleted) store.remove(told);
    else store.put(told);
    this.#enqueueObject(told.object, deleted);
  }

  /** As operator/propagate/propagator.ts does. */
  #enqueueObject(object: KubeObject, deleted: boolean): void {
    for (const { key, isNews } of keysOf(object, deleted, this.observed))
      this.queue.addIf(key, 'normal', isNews);
  }

  /** As operator/upstream/watches.ts does. */
  #leftBy({ userName }: Token): void {
    const isConcerned = this.outcomes.has(userKey(userName)) || this.observed.forUser(userName) !== undefined;
    if (isConcerned && !this.isAway) this.queue.add(userKey(userName), 'normal');
  }

  /** As operator/upstream/watches.ts does. */
  #enqueueUser(name: string, priority: Lane, withTokens: boolean): void {
    this.#tell(userKey(name), priority);
    if (!withTokens || this.isAway) return;
    for (const token of this.management.tokensOfUser(name)) this.queue.add(tokenKey(token.name), priority);
  }

  #nextVersion(): string {
    this.#version += 1;
    return String(this.#version);
  }
}
