import { createHash } from 'node:crypto';
import { claimsOf, lifetimesIn } from '../api/credential-lifetime.ts';
import { clusterOfKeptWay } from '../api/names.ts';
import { KUBECONFIG_SUFFIX } from '../api/parse-credentials.ts';
import type { Claim, Cluster, CredentialsSecret, Lifetime } from '../api/types.ts';
import { endingFirst } from '../derive/lifetime.ts';
import { pemCertificates } from '../derive/pem.ts';
import { ConfigError, describeError } from '../errors.ts';
import { type Access, bearerAccess, bearerKubeconfig, downstreamAccess } from '../kube/kubeconfig.ts';
import { type Renewable, renewableOf } from './renewable.ts';
import { type Kind, type Ways, wayTo } from './ways.ts';

/** Where the way to a cluster was found. `version` changes when what they say does: a new label is no new way. */
export type Credentials =
  | {
      readonly kind: 'found';
      readonly source: string;
      /** How that was known to be the way to this cluster. */
      readonly how: Kind | 'kept';
      readonly version: string;
      readonly access: () => Promise<Access>;
      /** The same as the text of a kubeconfig, to be kept; undefined when there is none. */
      readonly kubeconfig: () => string | undefined;
      /** When it was made and ends, as it says itself; undefined: it does not say. */
      readonly lifetime: () => Lifetime | undefined;
      /** What of it the operator may renew by itself; undefined: nothing. */
      readonly renewable: () => Renewable | undefined;
      /** What was kept of credentials that are no more; see {@link keptCredentials}. */
      readonly isKept: boolean;
    }
  | { readonly kind: 'missing'; readonly message: string };

/** As Cluster API names the Secret of a cluster, and Rancher's provisioning with its own name of the cluster. */
const conventionalName = (cluster: string): string => `${cluster}${KUBECONFIG_SUFFIX}`;

/** Names of the Secrets that may be a way to a cluster, where they cannot be listed. */
export function namesOfSecrets(cluster: string, object: Cluster | undefined): readonly string[] {
  const names = [conventionalName(cluster)];
  if (object?.owner) names.push(conventionalName(object.owner.name));
  if (object?.serviceAccountTokenSecret) names.push(object.serviceAccountTokenSecret);
  return [...new Set(names)];
}

/**
 * Names of the clusters that a Secret may be, or may have been, the way to: by label, by name, by what it says itself, through
 * the status of a Cluster, or as what was kept of one. The other side of {@link findCredentials}: what that finds is among them.
 */
export function clustersOfSecret(
  secret: Pick<CredentialsSecret, 'name' | 'cluster' | 'claim'>,
  clusters: Iterable<Cluster>,
): ReadonlySet<string> {
  const names = new Set([secret.cluster, secret.claim?.cluster ?? '']);
  if (secret.name.endsWith(KUBECONFIG_SUFFIX)) names.add(secret.name.slice(0, -KUBECONFIG_SUFFIX.length));
  const kept = clusterOfKeptWay(secret.name);
  if (kept !== undefined) names.add(kept);
  for (const { name, serviceAccountTokenSecret } of clusters) {
    if (serviceAccountTokenSecret === secret.name) names.add(name);
  }
  names.delete('');
  return names;
}

/** How to reach a cluster, by the first way that there is; see {@link wayTo} for their order. */
export function findCredentials(name: string, cluster: Cluster | undefined, ways: Ways): Credentials {
  const { way, passedOver } = wayTo(name, cluster, ways);
  if (way?.how === 'Cluster status') return fromStatus(way.cluster, way.secret);
  if (way) return fromKubeconfig(way.secret, way.how);
  const also = passedOver.map((why) => `; ${why}`).join('');
  return {
    kind: 'missing',
    message: `no Secret labelled ace-operator.io/cluster=${name}, none named ${conventionalName(name)}, and no usable status on the Cluster; create one of them${also}`,
  };
}

/** What the operator kept of the credentials by which it reached a cluster, for when they go together with the Cluster. */
export function keptCredentials(secret: CredentialsSecret): Credentials {
  return { ...fromKubeconfig(secret, 'kept'), isKept: true };
}

/** Where the way to a cluster was found, for its status: `Secret fleet-default/dev-kubeconfig (Rancher provisioning)`. */
export function describeWay(credentials: Credentials): string | undefined {
  return credentials.kind === 'found' ? `${credentials.source} (${credentials.how})` : undefined;
}

/** When the credential was made and ends, where there is one that says so. */
export function lifetimeOf(credentials: Credentials): Lifetime | undefined {
  return credentials.kind === 'found' ? credentials.lifetime() : undefined;
}

function fromKubeconfig(
  secret: CredentialsSecret,
  how: Kind | 'kept',
): Extract<Credentials, { kind: 'found' }> {
  const source = `Secret ${secret.namespace}/${secret.name}`;
  return {
    kind: 'found',
    source,
    how,
    version: digest(source, secret.kubeconfig ?? '', secret.problem ?? ''),
    access: async () => {
      if (secret.problem !== undefined) throw new ConfigError(`${source}: ${secret.problem}`);
      if (secret.kubeconfig === undefined)
        throw new ConfigError(`${source} has neither data.kubeconfig nor data.value`);
      const access = await named(source, downstreamAccess(secret.kubeconfig));
      return how === 'Rancher provisioning' ? throughRancher(source, access, secret.claim) : access;
    },
    kubeconfig: () => secret.kubeconfig,
    lifetime: () => lifetimeOfKubeconfig(secret),
    // Not what was found by other words than the label: of `join` it has one.
    renewable: once(() => (how === 'label' ? renewableOf(secret) : undefined)),
    isKept: false,
  };
}

/** The address was read twice, by us and by client-node: only what both understood alike was judged. */
function throughRancher(source: string, access: Access, claim: Claim | undefined): Access {
  const judged = claim?.kind === 'Rancher provisioning' ? new URL(claim.server).href : undefined;
  if (access.server.href === judged) return access;
  throw new ConfigError(`${source}: what it calls its current cluster is ambiguous`);
}

function fromStatus(cluster: Cluster, account: CredentialsSecret): Credentials {
  const source = `status of Cluster ${cluster.name} and Secret ${account.namespace}/${account.name}`;
  const caPem = pemCertificates(cluster.caCert).join('\n');
  return {
    kind: 'found',
    source,
    how: 'Cluster status',
    version: digest(source, cluster.apiEndpoint, cluster.caCert, account.credential ?? ''),
    access: async () => {
      if (caPem === '') throw new ConfigError(`${source}: status.caCert holds no PEM certificate`);
      if (!account.credential)
        throw new ConfigError(`${source}: data.credential is empty, or far too long for one`);
      return named(source, bearerAccess(cluster.apiEndpoint, caPem, account.credential ?? ''));
    },
    kubeconfig: () => bearerKubeconfig(cluster.apiEndpoint, caPem, account.credential ?? ''),
    lifetime: once(() => claimsOf(account.credential ?? '').lifetime),
    renewable: () => undefined,
    isKept: false,
  };
}

/** Asked for each status, while most credentials stay as they are for months. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}

const lifetimes = new WeakMap<CredentialsSecret, { readonly of: Lifetime | undefined }>();

/** Read once for each version of a Secret: that takes milliseconds, and the settings of its cluster are read again and again. */
function lifetimeOfKubeconfig(secret: CredentialsSecret): Lifetime | undefined {
  const known = lifetimes.get(secret);
  if (known) return known.of;
  const of = lifetimesIn(secret.kubeconfig ?? '').reduce<Lifetime | undefined>(endingFirst, undefined);
  lifetimes.set(secret, { of });
  return of;
}

/** Says whether two credentials are the same, and nothing about what they are. */
function digest(...parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url');
}

async function named(source: string, access: Promise<Access>): Promise<Access> {
  try {
    return await access;
  } catch (error) {
    throw new ConfigError(`${source}: ${describeError(error)}`);
  }
}
