import { KUBECONFIG_SUFFIX, OPEN_NAMESPACE } from '../api/parse-credentials.ts';
import type { Claim, Cluster, CredentialsSecret } from '../api/types.ts';

/** What the management plane holds of ways to clusters. */
export interface Ways {
  /** Of all credentials namespaces, own namespace first. */
  readonly secrets: readonly CredentialsSecret[];
  /** Addresses of the Rancher that this plane is, as its Settings have them; none where it is none. */
  readonly rancher: readonly string[];
}

/** How a Secret was known to be the way to a cluster. */
export type Kind =
  | 'label'
  | 'Rancher provisioning'
  | 'Cluster API'
  | 'Cluster status'
  | 'Argo CD'
  | 'ClusterProfile';

type Way =
  | { readonly how: Exclude<Kind, 'Cluster status'>; readonly secret: CredentialsSecret }
  | { readonly how: 'Cluster status'; readonly secret: CredentialsSecret; readonly cluster: Cluster };

/** Settings by which a Rancher says where it is. */
export const RANCHER_ADDRESSES: readonly string[] = ['internal-server-url', 'server-url'];

/**
 * The way to a cluster, by the first that exists: a Secret labelled `ace-operator.io/cluster: <id>`; the one that Rancher's
 * provisioning wrote; `<id>-kubeconfig` as Cluster API leaves it; endpoint, CA and service-account Secret from the Cluster's own
 * status; a cluster Secret of Argo CD; one that was pushed to us for a ClusterProfile. Pure.
 *
 * Never by what users of a cluster may write: not by its name for people, its endpoint's FQDN, or annotations alone.
 *
 * @returns also why a Secret that looks like one was not taken
 */
export function wayTo(
  name: string,
  cluster: Cluster | undefined,
  ways: Ways,
): { readonly way: Way | undefined; readonly passedOver: readonly string[] } {
  // One pass over thousands: what follows looks at a handful.
  const related = ways.secrets.filter((secret) => isRelated(secret, name, cluster));
  const secrets = related.filter(({ namespace }) => namespace !== OPEN_NAMESPACE);
  const bySecret = (
    how: Exclude<Kind, 'Cluster status'>,
    secret: CredentialsSecret | undefined,
  ): Way | undefined => secret && { how, secret };
  const rancher = throughRancher(name, cluster, { ...ways, secrets });
  const way =
    bySecret(
      'label',
      oldest(secrets, (secret) => secret.cluster === name),
    ) ??
    bySecret('Rancher provisioning', rancher.secret) ??
    bySecret(
      'Cluster API',
      oldest(secrets, (secret) => isConventional(secret, name)),
    ) ??
    byStatus(cluster, related) ??
    bySecret('Argo CD', claimed(secrets, name, 'Argo CD')) ??
    bySecret('ClusterProfile', claimed(secrets, name, 'ClusterProfile'));
  return { way, passedOver: rancher.passedOver };
}

function isRelated(secret: CredentialsSecret, name: string, cluster: Cluster | undefined): boolean {
  return (
    secret.cluster === name ||
    secret.claim?.cluster === name ||
    secret.name === `${name}${KUBECONFIG_SUFFIX}` ||
    secret.name === cluster?.serviceAccountTokenSecret
  );
}

/** The label, or the word, of another cluster outweighs a name that happens to look like ours. */
function isConventional({ name, cluster, claim }: CredentialsSecret, wanted: string): boolean {
  const isOther = claim && (claim.kind === 'Rancher provisioning' || claim.cluster !== wanted);
  return name === `${wanted}${KUBECONFIG_SUFFIX}` && cluster === '' && !isOther;
}

function claimed(
  secrets: readonly CredentialsSecret[],
  name: string,
  kind: Claim['kind'],
): CredentialsSecret | undefined {
  return oldest(
    secrets,
    ({ cluster, claim }) => cluster === '' && claim?.kind === kind && claim.cluster === name,
  );
}

function byStatus(cluster: Cluster | undefined, secrets: readonly CredentialsSecret[]): Way | undefined {
  if (!cluster || cluster.apiEndpoint === '' || cluster.caCert === '') return undefined;
  const secret = oldest(
    secrets,
    ({ name, credential }) => name === cluster.serviceAccountTokenSecret && credential !== undefined,
  );
  return secret && { how: 'Cluster status', secret, cluster };
}

/**
 * The Secret of Rancher's provisioning. Its address has the id of the cluster in it, and has to be this Rancher's: annotations
 * and labels only choose among those that lead there anyway.
 */
function throughRancher(
  name: string,
  cluster: Cluster | undefined,
  { secrets, rancher }: Ways,
): { readonly secret: CredentialsSecret | undefined; readonly passedOver: readonly string[] } {
  const owner = cluster?.owner;
  const evidence: readonly ((secret: CredentialsSecret) => boolean)[] = [
    (secret) => secret.namespace === owner?.namespace && secret.name === `${owner.name}${KUBECONFIG_SUFFIX}`,
    (secret) => secret.name === `${name}${KUBECONFIG_SUFFIX}`,
    (secret) => isProvisioned(secret, owner?.name),
  ];
  const leading = secrets.filter(
    (secret) => leadsTo(secret, name) && evidence.some((isGiven) => isGiven(secret)),
  );
  const trusted = leading.filter((secret) => isTrusted(secret, rancher));
  for (const isGiven of evidence) {
    const secret = oldest(trusted, isGiven);
    if (secret) return { secret, passedOver: [] };
  }
  return { secret: undefined, passedOver: leading.map(whyNot) };
}

function leadsTo({ cluster, claim }: CredentialsSecret, name: string): boolean {
  return cluster === '' && claim?.kind === 'Rancher provisioning' && claim.cluster === name;
}

/** Where it leads to was written by whoever wrote the Secret; where Rancher is, by its administrators. */
function isTrusted({ claim }: CredentialsSecret, rancher: readonly string[]): boolean {
  if (claim?.kind !== 'Rancher provisioning' || claim.isDetour) return false;
  const { origin } = new URL(claim.server);
  return rancher.some((address) => URL.canParse(address) && new URL(address).origin === origin);
}

function isProvisioned({ claim }: CredentialsSecret, owner: string | undefined): boolean {
  if (claim?.kind !== 'Rancher provisioning' || claim.provisioned === '') return false;
  return owner === undefined || claim.provisioned === owner;
}

function whyNot({ namespace, name, claim }: CredentialsSecret): string {
  const { origin } = new URL(claim?.kind === 'Rancher provisioning' ? claim.server : '');
  const isDetour = claim?.kind === 'Rancher provisioning' && claim.isDetour;
  const why = isDetour
    ? 'goes through a proxy of its own'
    : `leads through ${origin}, which is neither Setting internal-server-url nor server-url`;
  return `Secret ${namespace}/${name} ${why}`;
}

/** Of several the one that was there first, in the first namespace that has any: one that is added takes no cluster away. */
function oldest(
  secrets: readonly CredentialsSecret[],
  matches: (secret: CredentialsSecret) => boolean,
): CredentialsSecret | undefined {
  let found: CredentialsSecret | undefined;
  for (const secret of secrets) {
    if (!matches(secret)) continue;
    if (!found || (secret.namespace === found.namespace && isBefore(secret, found))) found = secret;
  }
  return found;
}

function isBefore(a: CredentialsSecret, b: CredentialsSecret): boolean {
  return a.createdAtMs === b.createdAtMs ? a.name < b.name : a.createdAtMs < b.createdAtMs;
}
