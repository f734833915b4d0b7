// upstream/: what the management plane says.

import { keptWayName, type Resource } from '../../api/names.ts';
import type {
  Cluster,
  CredentialsSecret,
  Propagation,
  Setting,
  Token,
  User,
  UserAttribute,
} from '../../api/types.ts';
import { Store } from '../../kube/store.ts';

/** What the management plane holds, as the operator's watches have seen it. Read-only for everyone but them. */
export class Management {
  readonly tokens = new Store<Token>({
    cluster: (token) => token.clusterName,
    user: (token) => token.userName,
  });
  readonly users = new Store<User>();
  readonly attributes = new Store<UserAttribute>();
  readonly clusters = new Store<Cluster>();
  readonly propagations = new Store<Propagation>();
  readonly settings = new Store<Setting>();
  /**
   * What of the management plane cannot be read at present, and why, by {@link watchName}. What was read of it before is still
   * held; where nothing was, its absence says nothing.
   */
  readonly unread = new Map<string, string>();
  /** By namespace, the operator's own first. */
  readonly credentials: ReadonlyMap<string, Store<CredentialsSecret>>;

  constructor(credentialNamespaces: readonly string[]) {
    this.credentials = new Map(
      credentialNamespaces.map((namespace) => [namespace, new Store<CredentialsSecret>()]),
    );
  }

  /** Tokens that name this cluster. */
  tokensOfCluster(cluster: string): readonly Token[] {
    return this.tokens.byIndex('cluster', cluster);
  }

  tokensOfUser(user: string): readonly Token[] {
    return this.tokens.byIndex('user', user);
  }

  /** Where the operator's own objects are. */
  get ownNamespace(): string {
    return [...this.credentials.keys()][0] ?? '';
  }

  /** The Secret that keeps the way to a cluster. */
  keptWay(cluster: string): CredentialsSecret | undefined {
    return this.credentials.get(this.ownNamespace)?.get(keptWayName(cluster));
  }

  /** All Secrets that may hold credentials, own namespace first. */
  credentialsSecrets(): readonly CredentialsSecret[] {
    return [...this.credentials.values()].flatMap((store) => [...store.list()]);
  }
}

/** Names a watch of the management plane to people: `tokens`, `secrets of fleet-default`. */
export function watchName({ plural }: Pick<Resource, 'plural'>, namespace?: string): string {
  return namespace === undefined ? plural : `${plural} of ${namespace}`;
}
