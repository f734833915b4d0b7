// upstream/: what the management plane says.

import { clusterOfKeptWay, EXT_TOKEN_SECRETS, keptWayName, type Resource } from '../../api/names.ts';
import type {
  Cluster,
  CredentialsSecret,
  Propagation,
  Setting,
  Token,
  User,
  UserAttribute,
} from '../../api/types.ts';
import { RANCHER_ADDRESSES, type Ways } from '../../clusters/ways.ts';
import { sourceOf } from '../../derive/older.ts';
import { Store } from '../../kube/store.ts';
import { ALL_NEEDED, type TokenNeeds, TokenSources, TokenStore } from './token-sources.ts';

/** What the management plane holds, as the operator's watches have seen it. Read-only for everyone but them. */
export class Management {
  /** Of both kinds: a name may be there twice, and `get` finds the v3 Token alone. Ask {@link token} or {@link tokensNamed}. */
  readonly tokens: TokenStore;
  /** Where the tokens come from; undefined where only v3 Tokens are carried. */
  readonly tokenSources: TokenSources | undefined;
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

  /**
   * @param options.extTokens - tokens of `ext.cattle.io` are carried, too
   * @param options.needs - which tokens are held whole; all without it
   */
  constructor(
    credentialNamespaces: readonly string[],
    { extTokens = false, needs = ALL_NEEDED }: { extTokens?: boolean; needs?: TokenNeeds } = {},
  ) {
    this.tokens = new TokenStore(
      needs,
      { cluster: ({ clusterName }) => clusterName, user: ({ userName }) => userName },
      ({ api, name }) => (api === 'ext' ? extKey(name) : name),
    );
    this.tokenSources = extTokens ? new TokenSources(this.tokens, needs) : undefined;
    this.credentials = new Map(
      credentialNamespaces.map((namespace) => [namespace, new Store<CredentialsSecret>()]),
    );
  }

  /**
   * The token of that name that the objects under it in a cluster are of; see {@link sourceOf}.
   *
   * @param cluster - undefined: of whichever cluster
   * @param written - the kind that they were written for
   */
  token(
    name: string,
    cluster: string | undefined,
    nowMs: number,
    written?: Token['api'] | undefined,
  ): Token | undefined {
    return sourceOf(this.tokensNamed(name), cluster, nowMs, written);
  }

  /** At most one of each kind. */
  tokensNamed(name: string): readonly Token[] {
    const v3 = this.tokens.get(name);
    const ext = this.tokenSources && this.tokens.get(extKey(name));
    return v3 && ext ? [v3, ext] : v3 ? [v3] : ext ? [ext] : [];
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

  /** Those whose way is kept, by name: of one that was given up nothing else may be left. */
  clustersOfKeptWays(): readonly string[] {
    const own = [...(this.credentials.get(this.ownNamespace)?.list() ?? [])];
    return own.map(({ name }) => clusterOfKeptWay(name)).filter((cluster) => cluster !== undefined);
  }

  /** All that may say how clusters are reached. */
  ways(): Ways {
    return {
      secrets: [...this.credentials.values()].flatMap((store) => [...store.list()]),
      rancher: RANCHER_ADDRESSES.map((name) => this.settings.get(name)?.value ?? ''),
    };
  }
}

/** No name has a slash in it. */
function extKey(name: string): string {
  return `ext/${name}`;
}

/** Name of the watch of the Secrets behind tokens of `ext.cattle.io`. */
export const EXT_TOKENS_WATCH = 'tokens.ext.cattle.io';

/** Names a watch of the management plane to people: `tokens`, `secrets of fleet-default`. */
export function watchName(resource: Pick<Resource, 'plural'>, namespace?: string): string {
  const { plural } = resource;
  if (resource === EXT_TOKEN_SECRETS) return EXT_TOKENS_WATCH;
  return namespace === undefined ? plural : `${plural} of ${namespace}`;
}
