import {
  apiVersionOf,
  CLUSTER_AUTH_TOKENS,
  CLUSTER_USER_ATTRIBUTES,
  LABEL_CLUSTER,
  SECRETS,
} from '../api/names.ts';
import { observedParser } from '../api/parse-observed.ts';
import type { KubeObject, Observed } from '../api/types.ts';
import { hashIn, isOfExtToken } from '../derive/diff.ts';
import { type Installation, isOurs, ownerOf } from '../derive/ownership.ts';
import { Store } from '../kube/store.ts';
import { isOlder } from '../kube/versions.ts';
import { Assumed } from './assumed.ts';
import { HashInventory } from './hash-inventory.ts';

const INDEX_USER = 'user';

/**
 * What is in one downstream cluster, as its watches (and our own answered writes) tell.
 *
 * Reads prefer a write of ours that the watch has not echoed yet; `isTokenConfirmed` and `isUserConfirmed` tell the two
 * apart.
 */
export class ObservedState {
  readonly tokens: Store<Observed>;
  readonly secrets: Store<Observed>;
  readonly users: Store<Observed>;
  readonly #cluster: string;
  #installation: Installation | undefined;
  readonly #assumed: Assumed;
  readonly #twiceSinceMs = new Map<string, number>();
  /** Of the hashes in what the stores hold. */
  readonly hashes: HashInventory;

  /** @param installation - what management knows of other cluster ids; undefined: nothing */
  constructor(
    cluster: string,
    onAssumptionExpired: (object: KubeObject) => void,
    installation?: Installation | undefined,
  ) {
    this.#cluster = cluster;
    this.#installation = installation;
    this.tokens = new Store({
      [INDEX_USER]: ({ object }) => (typeof object['userName'] === 'string' ? object['userName'] : ''),
    });
    this.secrets = new Store();
    this.users = new Store();
    this.hashes = new HashInventory(this.tokens, this.secrets);
    this.#assumed = new Assumed(onAssumptionExpired);
    for (const store of [this.tokens, this.secrets, this.users]) {
      store.onChange((event) => this.#assumed.settle(event.object, event.type === 'deleted'));
    }
  }

  /** It is not the cluster that was written to: what does not bear this installation's label is not ours. Call while nothing is held. */
  isElsewhere(): void {
    this.#installation = this.#installation && { ...this.#installation, isElsewhere: true };
  }

  /** Secret and ClusterAuthToken of that name, whoever wrote them, in write order. */
  forToken(name: string): readonly KubeObject[] {
    return present([this.#read(this.secrets, 'Secret', name), this.#token(name)]);
  }

  forUser(name: string): KubeObject | undefined {
    return this.#read(this.users, CLUSTER_USER_ATTRIBUTES.kind, name);
  }

  /** Names of this user's ClusterAuthTokens that we wrote. */
  tokenNamesOfUser(userName: string): readonly string[] {
    return this.tokens
      .byIndex(INDEX_USER, userName)
      .filter(({ object }) => this.isOurs(object))
      .map(({ name }) => name);
  }

  hasToken(name: string): boolean {
    return this.forToken(name).some((object) => this.isOurs(object));
  }

  /** Whether anything is held of that name, whoever's it is: it may become ours without a word, when another Cluster goes. */
  holdsToken(name: string): boolean {
    return this.#holds(CLUSTER_AUTH_TOKENS.kind, name) || this.#holds(SECRETS.kind, name);
  }

  /**
   * Since when the watches have told, as far as was asked, that Secret and ClusterAuthToken of that name both hold a hash;
   * milliseconds since the epoch. Undefined where they do not: a write of ours that no watch told is no proof.
   */
  hashTwiceSinceMs(name: string, nowMs: number): number | undefined {
    const told = [this.secrets.get(name), this.tokens.get(name)];
    const isTwice = told.every((one) => one !== undefined && hashIn(one.object) !== undefined);
    if (!isTwice) {
      this.#twiceSinceMs.delete(name);
      return undefined;
    }
    const sinceMs = this.#twiceSinceMs.get(name) ?? nowMs;
    this.#twiceSinceMs.set(name, sinceMs);
    return sinceMs;
  }

  /** The kind of token that what is ours under that name was written for; undefined where nothing is ours. */
  apiOf(name: string): 'v3' | 'ext' | undefined {
    const ours = this.forToken(name).filter((object) => this.isOurs(object));
    if (ours.length === 0) return undefined;
    return ours.some(isOfExtToken) ? 'ext' : 'v3';
  }

  isOurs(object: KubeObject): boolean {
    return isOurs(object, this.#cluster, this.#installation);
  }

  /** Id of the other Cluster of this installation that the object belongs to; undefined for anything else. */
  siblingOf(object: KubeObject): string | undefined {
    const isSiblings = ownerOf(object, this.#cluster, this.#installation) === 'sibling';
    return isSiblings ? (object.metadata.labels?.[LABEL_CLUSTER] ?? undefined) : undefined;
  }

  /** Cluster ids, other than this one's, by which this installation wrote what is there. */
  otherIds(): ReadonlySet<string> {
    const ids = new Set<string>();
    for (const store of [this.tokens, this.secrets, this.users]) {
      for (const { object } of store.list()) {
        const id = object.metadata.labels?.[LABEL_CLUSTER] ?? this.#cluster;
        if (id === this.#cluster || ids.has(id)) continue;
        if (ownerOf(object, this.#cluster, this.#installation) !== 'foreign') ids.add(id);
      }
    }
    return ids;
  }

  /** Ids that our objects of a token's name, or a user's, carry: this cluster's, or one by which it was known before. */
  idsOf(objects: readonly (KubeObject | undefined)[]): ReadonlySet<string> {
    const ours = present(objects).filter((object) => this.isOurs(object));
    return new Set(ours.map(({ metadata }) => metadata.labels?.[LABEL_CLUSTER] ?? this.#cluster));
  }

  /** True when the watch has told every write of ours to the Secret and the ClusterAuthToken of this name. */
  isTokenConfirmed(name: string): boolean {
    return !this.#assumed.get(SECRETS.kind, name) && !this.#assumed.get(CLUSTER_AUTH_TOKENS.kind, name);
  }

  /** Whether this, which a watch has just told, is what a write of ours was answered with. Others may have written before or after. */
  isEcho(object: KubeObject): boolean {
    return this.#assumed.isEcho(object);
  }

  /** True when the watch has told every write of ours to the ClusterUserAttribute of this name. */
  isUserConfirmed(name: string): boolean {
    return !this.#assumed.get(CLUSTER_USER_ATTRIBUTES.kind, name);
  }

  /** True when nothing of ours is there, as far as the watches and our own writes tell. */
  get isEmpty(): boolean {
    return this.managed().objects === 0;
  }

  /** Takes the server's answer to a write of ours as seen, until the watch tells it too. */
  assume(raw: unknown): void {
    const { apiVersion, kind } = raw as KubeObject;
    const observed = observedParser(apiVersion, kind)(raw);
    const seen = this.#storeOf(kind).get(observed.name);
    if (seen?.uid === observed.uid && !isOlder(seen.resourceVersion, observed.resourceVersion)) return;
    this.#assumed.add(observed.object, 'written');
  }

  /** Takes an object that we deleted as gone, until the watch tells it too. */
  assumeGone(object: KubeObject): void {
    const seen = this.#storeOf(object.kind).get(object.metadata.name);
    const written = this.#assumed.get(object.kind, object.metadata.name);
    if (seen || written) this.#assumed.add(object, 'gone');
  }

  /** Names of everything that is ours here: what a sweep compares with management. */
  managed(): { tokens: ReadonlySet<string>; users: ReadonlySet<string>; objects: number } {
    const ours = (store: Store<Observed>, kind: string): ReadonlySet<string> =>
      new Set(
        [...[...store.list()].map(({ object }) => object), ...this.#assumed.written(kind)]
          .filter((object) => this.isOurs(object))
          .map(({ metadata }) => metadata.name),
      );
    const tokens = ours(this.tokens, CLUSTER_AUTH_TOKENS.kind);
    const secrets = ours(this.secrets, SECRETS.kind);
    const users = ours(this.users, CLUSTER_USER_ATTRIBUTES.kind);
    return {
      tokens: new Set([...tokens, ...secrets]),
      users,
      objects: tokens.size + secrets.size + users.size,
    };
  }

  /** ClusterAuthTokens that neither we wrote nor another Cluster of this installation. */
  foreignTokens(): readonly KubeObject[] {
    return [...this.tokens.list()]
      .map(({ object }) => object)
      .filter((object) => ownerOf(object, this.#cluster, this.#installation) === 'foreign');
  }

  /** ClusterUserAttributes that neither we wrote nor another Cluster of this installation. */
  foreignUsers(): readonly KubeObject[] {
    return [...this.users.list()]
      .map(({ object }) => object)
      .filter((object) => ownerOf(object, this.#cluster, this.#installation) === 'foreign');
  }

  /** ClusterAuthTokens that are ours. */
  ownTokens(): readonly KubeObject[] {
    return [...this.tokens.list()].map(({ object }) => object).filter((object) => this.isOurs(object));
  }

  /** Ends the timers of outstanding assumptions. */
  close(): void {
    this.#assumed.close();
  }

  #token(name: string): KubeObject | undefined {
    return this.#read(this.tokens, CLUSTER_AUTH_TOKENS.kind, name);
  }

  #read(store: Store<Observed>, kind: string, name: string): KubeObject | undefined {
    const seen = store.get(name)?.object;
    const assumed = this.#assumed.get(kind, name);
    if (assumed?.state === 'written') return assumed.object;
    // Another object of that name may have come since: only the one that we deleted is gone.
    return assumed && assumed.object.metadata.uid === seen?.metadata.uid ? undefined : seen;
  }

  #holds(kind: string, name: string): boolean {
    return this.#storeOf(kind).get(name) !== undefined || this.#assumed.get(kind, name) !== undefined;
  }

  #storeOf(kind: string): Store<Observed> {
    if (kind === CLUSTER_AUTH_TOKENS.kind) return this.tokens;
    return kind === SECRETS.kind ? this.secrets : this.users;
  }
}

export const parseClusterAuthToken = observedParser(
  apiVersionOf(CLUSTER_AUTH_TOKENS),
  CLUSTER_AUTH_TOKENS.kind,
);
export const parseClusterUserAttribute = observedParser(
  apiVersionOf(CLUSTER_USER_ATTRIBUTES),
  CLUSTER_USER_ATTRIBUTES.kind,
);
export const parseSecret = observedParser(apiVersionOf(SECRETS), SECRETS.kind);

function present(objects: readonly (KubeObject | undefined)[]): readonly KubeObject[] {
  return objects.filter((object) => object !== undefined);
}
