import {
  EXT_TOKEN_SECRETS,
  INSTALLATION_KEY_SECRET,
  REFRESH_DEBOUNCE,
  type Resource,
} from '../../api/names.ts';
import { isParked } from '../../api/parked-token.ts';
import type { CredentialsSecret, Token } from '../../api/types.ts';
import { clustersOfSecret } from '../../clusters/credentials.ts';
import { RANCHER_ADDRESSES } from '../../clusters/ways.ts';
import { effectiveExpiryMs } from '../../derive/expiry.ts';
import { isLess } from '../../derive/verdict.ts';
import { ResourceEventType } from '../../kube/operator-base.ts';
import { type Gone, isSameVersion, type StoreEvent } from '../../kube/store.ts';
import { type Lane, SETTING_KEY, sourceKey, tokenKey, userKey } from '../keys.ts';
import type { DeletionEvidence } from './deletions.ts';
import type { Management } from './management.ts';

/** What the event of a change told besides. */
export interface Told {
  /** Of a token that may expire: when what is down there does; milliseconds since the epoch. */
  readonly expiresAtMs?: number | undefined;
  /** A user lost groups, which being let in again does not give back. */
  readonly isGroupLost?: boolean;
  /** The management plane was put back to before the object: nobody deleted it. */
  readonly isPutBack?: boolean;
}

/** One cluster, as far as events concern it. */
export interface ConcernedCluster {
  readonly name: string;
  /** A watch told of a change: from now on the cluster is behind. */
  noteChange(key: string, lane: Lane, told?: Told): void;
  /** A key of this cluster is to be looked at. */
  enqueue(key: string, lane: Lane): void;
}

/** Where keys go. */
export interface Queues {
  propagators(): Iterable<ConcernedCluster>;
  /** Those of the clusters that are named, and those that have, or had to judge, what the key stands for. */
  concerned(key: string, named: ReadonlySet<string>): Iterable<ConcernedCluster>;
  /** The settings of a cluster are to be read again. */
  enqueueCluster(cluster: string): void;
  /** The Secret of the installation key is another one, or gone. */
  installationKeyChanged(): void;
  /** A kind of tokens that work may have begun without was read for the first time. */
  readAtLast(): void;
  /** The management plane was put back to an earlier state, with all that we keep there. */
  putBack(): void;
}

const NONE: ReadonlySet<string> = new Set();

/** Turns events of the management plane into keys. Nothing else of an event survives this file. */
export class Watches {
  readonly #management: Management;
  readonly #evidence: DeletionEvidence;
  readonly #queues: Queues;

  readonly #now: () => number;
  /** What the event that is being told of changed: the stores tell us first. */
  #before: Token | undefined;
  #isGroupLost = false;
  /** How the last object went that did. */
  #gone: Gone = 'told';
  /** Clusters that a Secret was the way to, as it was before the event. */
  #ledTo: ReadonlySet<string> = new Set();

  constructor(
    management: Management,
    evidence: DeletionEvidence,
    queues: Queues,
    now: () => number = Date.now,
  ) {
    this.#management = management;
    this.#evidence = evidence;
    this.#queues = queues;
    this.#now = now;
    management.tokens.onChange((event) => this.#tokenChanged(event));
    management.users.onChange((event) => {
      if (event.type === 'deleted') this.#gone = event.how;
    });
    // Which status it stands in is all that there is to it.
    management.tokenSources?.onCollision(({ clusterName }) => queues.enqueueCluster(clusterName));
    for (const store of management.credentials.values()) {
      store.onChange((event) => {
        const clusters = management.clusters.list();
        this.#ledTo = event.type === 'updated' ? clustersOfSecret(event.old, clusters) : new Set();
      });
    }
    management.attributes.onChange((event) => {
      const { groups: held } = event.type === 'updated' ? event.old : event.object;
      const left = event.type === 'deleted' ? [] : event.object.groups;
      const isPutBack = event.type === 'deleted' && event.how === 'put-back';
      this.#isGroupLost = !isPutBack && held.some((group) => !left.includes(group));
    });
  }

  #tokenChanged(event: StoreEvent<Token>): void {
    if (event.type === 'updated') {
      if (isSameVersion(event.old, event.object)) return;
      // Of a parked one nobody knows what it was; to the clusters that are worked on here it was nothing.
      this.#before = isParked(event.old) ? undefined : event.old;
      if (this.#before && this.#before.userName !== event.object.userName) this.#leftBy(this.#before);
      return;
    }
    this.#before = undefined;
    if (event.type !== 'deleted') return;
    this.#gone = event.how;
    this.#leftBy(isParked(event.object) ? event.old : event.object);
  }

  onPutBack(): void {
    this.#queues.putBack();
  }

  /** What is held of a kind is there: the management plane has just told of it. */
  heard(resource: Resource): void {
    this.#evidence.heard(resource);
  }

  /** @param last - the Token as the event tells it; of one that went, as it was */
  onToken(name: string, type: ResourceEventType, last?: Token): void {
    const key = tokenKey(name);
    const named = this.#management.tokensNamed(name);
    const before = this.#before?.name === name ? this.#before : undefined;
    this.#before = undefined;
    const api = (last ?? before ?? named[0])?.api ?? 'v3';
    this.#noteEvidence(
      sourceKey(name, api),
      type,
      named.some((one) => one.api === api),
    );
    // What is down there refuses by the expiry that it had until now.
    const known = before ?? last;
    const expiresAtMs = known && effectiveExpiryMs(known);
    const ever = before ? [...named, before] : named;
    const scoped = new Set(ever.map(({ clusterName }) => clusterName));
    const isPutBack = this.#isPutBack(type);
    for (const propagator of this.#queues.concerned(key, scoped)) {
      const context = { cluster: propagator.name, aceEnabled: true, nowMs: this.#now() };
      const token = this.#management.token(name, propagator.name, context.nowMs);
      const user = token && this.#management.users.get(token.userName);
      // Elsewhere than where it is scoped, a token can only be on its way out.
      const lane = !isPutBack && isLess(before, token, user, context) ? 'revocation' : 'normal';
      propagator.noteChange(key, lane, { expiresAtMs, isPutBack });
    }
  }

  onUser(name: string, type: ResourceEventType): void {
    const user = this.#management.users.get(name);
    this.#noteEvidence(userKey(name), type, user !== undefined);
    const isPutBack = this.#isPutBack(type);
    const isOut = !isPutBack && (!user?.enabled || user.deleting);
    this.#enqueueUser(name, isOut ? 'revocation' : 'normal', { withTokens: true, isPutBack });
  }

  onUserAttribute(name: string): void {
    const user = this.#management.users.get(name);
    const isGroupLost = this.#isGroupLost;
    this.#isGroupLost = false;
    // Nobody saw that user being deleted: groups are no ground to owe it.
    if (!user && !this.#evidence.has(userKey(name))) {
      this.#lookAtUser(name);
      return;
    }
    // Of a user who is to be out, whatever else changes does not pay what is owed.
    const isOut = !user?.enabled || user.deleting;
    const lane = isGroupLost || isOut ? 'revocation' : 'normal';
    this.#enqueueUser(name, lane, { withTokens: false, isGroupLost });
  }

  onSetting(name: string): void {
    if (RANCHER_ADDRESSES.includes(name)) this.#enqueueClusters();
    if (name !== REFRESH_DEBOUNCE) return;
    for (const propagator of this.#queues.propagators()) propagator.enqueue(SETTING_KEY, 'background');
  }

  /** A kind was read for the first time: what was not known of a cluster until now may be. */
  onFirstRead(resource: Resource): void {
    if (resource === EXT_TOKEN_SECRETS) this.#queues.readAtLast();
    this.#enqueueClusters();
    this.onSetting(REFRESH_DEBOUNCE);
  }

  #enqueueClusters(): void {
    for (const { name } of this.#management.clusters.list()) this.#queues.enqueueCluster(name);
  }

  /** Cluster and ClusterPropagation have the cluster's name. */
  onCluster(name: string): void {
    this.#queues.enqueueCluster(name);
  }

  onCredentials(secret: CredentialsSecret): void {
    if (secret.name === INSTALLATION_KEY_SECRET) {
      this.#queues.installationKeyChanged();
      return;
    }
    const clusters = new Set([
      ...clustersOfSecret(secret, this.#management.clusters.list()),
      // A label that was taken off or changed: whoever used the Secret until now.
      ...this.#ledTo,
    ]);
    this.#ledTo = new Set();
    for (const name of clusters) this.#queues.enqueueCluster(name);
  }

  /**
   * A user has a token less. Their ClusterUserAttribute is written ahead of it: where nothing else of the token was written
   * yet, no deletion in the cluster brings the user's key.
   */
  #leftBy({ userName }: Token): void {
    this.#lookAtUser(userName);
  }

  #lookAtUser(name: string): void {
    const key = userKey(name);
    for (const propagator of this.#queues.concerned(key, NONE)) propagator.enqueue(key, 'normal');
  }

  #noteEvidence(key: string, type: ResourceEventType, isThere: boolean): void {
    if (isThere && type !== ResourceEventType.Modified) this.#evidence.remove(key);
    else if (!isThere && type === ResourceEventType.Deleted) this.#evidence.gone(key, this.#gone);
  }

  #isPutBack(type: ResourceEventType): boolean {
    return type === ResourceEventType.Deleted && this.#gone === 'put-back';
  }

  #enqueueUser(
    name: string,
    lane: Lane,
    { withTokens, ...told }: Told & { readonly withTokens: boolean },
  ): void {
    const key = userKey(name);
    const scoped = Map.groupBy(this.#management.tokensOfUser(name), ({ clusterName }) => clusterName);
    for (const propagator of this.#queues.concerned(key, new Set(scoped.keys()))) {
      // The user first: that one write refuses or admits all the tokens at once.
      propagator.noteChange(key, lane, told);
      if (!withTokens) continue;
      for (const token of scoped.get(propagator.name) ?? []) propagator.enqueue(tokenKey(token.name), lane);
    }
  }
}
