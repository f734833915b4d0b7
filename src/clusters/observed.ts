import { apiVersionOf, CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, SECRETS } from '../api/names.ts';
import { observedParser } from '../api/parse-observed.ts';
import type { KubeObject, Observed } from '../api/types.ts';
import { isOurs } from '../derive/ownership.ts';
import { Store } from '../kube/store.ts';
import { Assumed } from './assumed.ts';

const INDEX_USER = 'user';

/**
 * What is in one downstream cluster, as its watches (and our own answered writes) tell.
 *
 * Reads prefer a write of ours that the watch has not echoed yet; `isConfirmed` tells the two apart.
 */
export class ObservedState {
  readonly tokens: Store<Observed>;
  readonly secrets: Store<Observed>;
  readonly users: Store<Observed>;
  readonly #cluster: string;
  readonly #assumed: Assumed;

  constructor(cluster: string, onAssumptionExpired: (object: KubeObject) => void) {
    this.#cluster = cluster;
    this.tokens = new Store({
      [INDEX_USER]: ({ object }) => (typeof object['userName'] === 'string' ? object['userName'] : ''),
    });
    this.secrets = new Store();
    this.users = new Store();
    this.#assumed = new Assumed(onAssumptionExpired);
    for (const store of [this.tokens, this.secrets, this.users]) {
      store.onChange((event) => this.#assumed.settle(event.object, event.type === 'deleted'));
    }
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

  isOurs(object: KubeObject): boolean {
    return isOurs(object, this.#cluster);
  }

  /** True when no write of ours to the objects of this name still awaits its echo. */
  isConfirmed(name: string): boolean {
    return !this.#assumed.hasAny(name);
  }

  /** True when the watches have told every write of ours, and nothing of ours is there. */
  get isEmpty(): boolean {
    return this.#assumed.isEmpty && this.managed().objects === 0;
  }

  /** Takes the server's answer to a write of ours as seen, until the watch tells it too. */
  assume(raw: unknown): void {
    const { apiVersion, kind } = raw as KubeObject;
    const observed = observedParser(apiVersion, kind)(raw);
    const seen = this.#storeOf(kind).get(observed.name);
    if (seen?.uid === observed.uid && !isOlder(seen.resourceVersion, observed.resourceVersion)) return;
    this.#assumed.add(observed.object);
  }

  /** Names of everything that is ours here: what a sweep compares with management. */
  managed(): { tokens: ReadonlySet<string>; users: ReadonlySet<string>; objects: number } {
    const ours = (store: Store<Observed>): string[] =>
      [...store.list()].filter(({ object }) => this.isOurs(object)).map(({ name }) => name);
    const tokens = ours(this.tokens);
    const secrets = ours(this.secrets);
    const users = ours(this.users);
    return {
      tokens: new Set([...tokens, ...secrets]),
      users: new Set(users),
      objects: tokens.length + secrets.length + users.length,
    };
  }

  /** Ends the timers of outstanding assumptions. */
  close(): void {
    this.#assumed.close();
  }

  #token(name: string): KubeObject | undefined {
    return this.#read(this.tokens, CLUSTER_AUTH_TOKENS.kind, name);
  }

  #read(store: Store<Observed>, kind: string, name: string): KubeObject | undefined {
    return this.#assumed.get(kind, name) ?? store.get(name)?.object;
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

/**
 * Versions are opaque, but every API server in use counts; where these do not, we wait for the echo instead
 * of guessing.
 */
function isOlder(seen: string, written: string): boolean {
  const [a, b] = [Number(seen), Number(written)];
  return Number.isFinite(a) && Number.isFinite(b) ? a < b : seen !== written;
}
