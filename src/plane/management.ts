import {
  CLUSTER_PROPAGATIONS,
  CLUSTERS,
  SECRETS,
  SETTINGS,
  TOKENS,
  USER_ATTRIBUTES,
  USERS,
} from '../api/names.ts';
import { parseCluster, parsePropagation, parseSetting } from '../api/parse-cluster.ts';
import { parseCredentialsSecret } from '../api/parse-credentials.ts';
import { parseExtToken } from '../api/parse-ext-token.ts';
import { parseToken } from '../api/parse-token.ts';
import { parseUser, parseUserAttribute } from '../api/parse-user.ts';
import type {
  Cluster,
  CredentialsSecret,
  Propagation,
  Setting,
  Token,
  User,
  UserAttribute,
} from '../api/types.ts';
import { namesOfSecrets } from '../clusters/credentials.ts';
import { RANCHER_ADDRESSES, type Ways } from '../clusters/ways.ts';
import { holderOf, sourceOf } from '../derive/older.ts';
import { readInstallationId } from '../kube/installation-id.ts';
import type { Access } from '../kube/kubeconfig.ts';
import { readExtToken, readExtTokens } from './ext-tokens.ts';
import { Plane, type PlaneOptions } from './plane.ts';
import { known, type Reading } from './reading.ts';
import { RememberedPlane } from './remembered.ts';

export interface ManagementOptions extends PlaneOptions {
  /** With credentials Secrets, the operator's own first. */
  readonly credentialNamespaces: readonly string[];
}

/** The management plane, read live and once. */
export class ManagementPlane extends Plane {
  /** What it takes to reach clusters, as it was when it was first asked for. */
  readonly remembered = new RememberedPlane(this);
  readonly #credentialNamespaces: readonly string[];
  readonly #access: Access;

  constructor(access: Access, options: ManagementOptions) {
    super(access, options);
    this.#access = access;
    this.#credentialNamespaces = options.credentialNamespaces;
  }

  /** Which installation this is, as the objects say that it writes; undefined where that may not be read. @throws {ApiError | ConnectionError} */
  installationId(): Promise<string | undefined> {
    return readInstallationId(this.client);
  }

  /**
   * Of either kind: of two of one name the one that a cluster would get; see {@link sourceOf}.
   *
   * @param cluster - left out: whichever
   * @param written - the kind that what is in the cluster was written for; left out: that is not known
   */
  async token(
    name: string,
    cluster?: string,
    written?: Token['api'] | undefined,
  ): Promise<Reading<Token | undefined>> {
    const [v3, ext] = await this.#bothKinds(name);
    if (!v3.ok) return v3;
    // One that is there is not doubted because of what may not be looked at; nor does it speak for one of the other kind.
    if (!ext.ok) return (written ?? (v3.value ? 'v3' : 'ext')) === 'v3' ? v3 : ext;
    const nowMs = this.clock.now();
    return { ok: true, value: sourceOf(present(v3.value, ext.value), cluster, nowMs, written) };
  }

  /** At most one of each kind. Fails where either cannot be read. */
  async tokensNamed(name: string): Promise<Reading<readonly Token[]>> {
    const [v3, ext] = await this.#bothKinds(name);
    if (!v3.ok) return v3;
    return ext.ok ? { ok: true, value: present(v3.value, ext.value) } : ext;
  }

  #bothKinds(name: string): Promise<[Reading<Token | undefined>, Reading<Token | undefined>]> {
    return Promise.all([this.get(TOKENS, name, parseToken), readExtToken(this, name)]);
  }

  /** Of both kinds, as far as the newer one may be read: see {@link extTokens}. */
  async tokens(): Promise<Reading<readonly Token[]>> {
    const [v3, ext] = await Promise.all([this.v3Tokens(), this.extTokens()]);
    return this.together(v3, ext);
  }

  /** What {@link tokens} is of what was read of each kind. */
  together(v3: Reading<readonly Token[]>, ext: Reading<readonly Token[]>): Reading<readonly Token[]> {
    if (!v3.ok) return v3;
    const nowMs = this.clock.now();
    const named = Map.groupBy([...v3.value, ...(known(ext) ?? [])], ({ name }) => name);
    // Of two for one cluster only one is there.
    const isThere = (token: Token): boolean =>
      holderOf(named.get(token.name) ?? [], token.clusterName, nowMs) === token;
    return { ok: true, value: [...named.values()].flat().filter(isThere) };
  }

  v3Tokens(): Promise<Reading<readonly Token[]>> {
    return this.list(TOKENS, parseToken);
  }

  /** Tokens of `ext.cattle.io`. */
  extTokens(): Promise<Reading<readonly Token[]>> {
    return readExtTokens(this, parseExtToken);
  }

  user(name: string): Promise<Reading<User | undefined>> {
    return this.get(USERS, name, parseUser);
  }

  users(): Promise<Reading<readonly User[]>> {
    return this.list(USERS, parseUser);
  }

  userAttribute(name: string): Promise<Reading<UserAttribute | undefined>> {
    return this.get(USER_ATTRIBUTES, name, parseUserAttribute);
  }

  cluster(name: string): Promise<Reading<Cluster | undefined>> {
    return this.get(CLUSTERS, name, parseCluster);
  }

  clusters(): Promise<Reading<readonly Cluster[]>> {
    return this.list(CLUSTERS, parseCluster);
  }

  propagation(cluster: string): Promise<Reading<Propagation | undefined>> {
    return this.get(CLUSTER_PROPAGATIONS, cluster, parsePropagation);
  }

  propagations(): Promise<Reading<readonly Propagation[]>> {
    return this.list(CLUSTER_PROPAGATIONS, parsePropagation);
  }

  setting(name: string): Promise<Reading<Setting | undefined>> {
    return this.get(SETTINGS, name, parseSetting);
  }

  /** All that may say how clusters are reached. Fails as a whole: one namespace unread is not "no credentials". */
  async ways(): Promise<Reading<Ways>> {
    const found: CredentialsSecret[] = [];
    for (const namespace of this.#credentialNamespaces) {
      const secrets = await this.list(SECRETS, parseCredentialsSecret, { namespace });
      if (!secrets.ok) return secrets;
      found.push(...secrets.value);
    }
    return { ok: true, value: await this.#waysBy(found) };
  }

  /** Where the Rancher is that this plane is, is only asked for where somebody says that it is there. */
  async #waysBy(secrets: readonly CredentialsSecret[]): Promise<Ways> {
    if (!secrets.some(({ claim }) => claim?.kind === 'Rancher provisioning')) return { secrets, rancher: [] };
    const settings = await Promise.all(RANCHER_ADDRESSES.map((name) => this.setting(name)));
    return { secrets, rancher: settings.map((setting) => known(setting)?.value ?? '') };
  }

  /** Name of the Token by which this plane is asked, where it is asked by one. */
  async ownToken(): Promise<string | undefined> {
    const { Authorization: bearer } = await this.#access.headers();
    return /^Bearer ([a-z0-9.-]+):./.exec(String(bearer))?.[1];
  }

  /** What may say how one cluster is reached: all; or, for whoever may not list Secrets, those that a convention names. */
  async waysFor(id: string, cluster: Cluster | undefined, listed: Reading<Ways>): Promise<Reading<Ways>> {
    if (listed.ok || listed.failure.reason !== 'Forbidden') return listed;
    const named = await this.#waysNamed(namesOfSecrets(id, cluster));
    return named.secrets.length === 0 ? listed : { ok: true, value: named };
  }

  /** By those Secrets of these names that can be read. Says nothing of what else there is. */
  async #waysNamed(names: readonly string[]): Promise<Ways> {
    const places = this.#credentialNamespaces.flatMap((namespace) =>
      names.map((name) => ({ namespace, name })),
    );
    const read = await Promise.all(
      places.map(({ namespace, name }) => this.get(SECRETS, name, parseCredentialsSecret, namespace)),
    );
    return this.#waysBy(read.flatMap((secret) => known(secret) ?? []));
  }
}

function present(...tokens: readonly (Token | undefined)[]): readonly Token[] {
  return tokens.filter((token) => token !== undefined);
}
