import type { Json } from './plain-api.ts';

/** Everything of the management plane that decides. */
export interface Upstream {
  readonly tokens: readonly Json[];
  readonly users: readonly Json[];
  readonly attributes: readonly Json[];
  readonly clusters: readonly Json[];
}

/** What should be of one token in one cluster. Written from the documentation, not from the product's code. */
export interface Should {
  readonly cluster: string;
  readonly name: string;
  readonly user: string;
  readonly groups: readonly string[];
  /** Whether its objects are to be in the cluster. Of a disabled user they are. */
  readonly isThere: boolean;
  /** Whether its bearer is to be let in, until it expires. */
  readonly isGood: boolean;
  /** Milliseconds since the epoch; Infinity: never. */
  readonly untilMs: number;
  /** Grows when the token's secret is changed. */
  readonly generation: number;
  /** Another one when anything that decides is another. Counts of last use are not among it. */
  readonly version: string;
}

/** By `<cluster>/<name>`. */
export function derive(upstream: Upstream): ReadonlyMap<string, Should> {
  const users = new Map(upstream.users.map((user) => [user.metadata.name, user]));
  const groups = new Map(upstream.attributes.map((one) => [one.metadata.name, groupsOf(one)]));
  const clusters = new Map(upstream.clusters.map((cluster) => [cluster.metadata.name, cluster]));
  const all = upstream.tokens.map((token) => {
    const user = users.get(token.userId);
    const cluster = clusters.get(token.clusterName);
    return one(token, user, groups.get(token.userId) ?? [], hasAce(cluster));
  });
  return new Map(all.map((should) => [`${should.cluster}/${should.name}`, should]));
}

function one(token: Json, user: Json, groups: readonly string[], ace: boolean): Should {
  const isThere =
    ace && token.enabled !== false && !isGoing(token) && user !== undefined && Boolean(token.token);
  const isGood = isThere && user.enabled !== false && !isGoing(user);
  const untilMs = expiryOf(token);
  const generation = Number(token.metadata.annotations?.['chaos/generation'] ?? 0);
  const decides = [
    token.clusterName,
    token.metadata.uid,
    user?.metadata.uid,
    token.userId,
    groups,
    isThere,
    isGood,
    untilMs,
  ];
  return {
    ...{ cluster: placeOf(token.clusterName), name: token.metadata.name, user: token.userId, groups },
    ...{ isThere, isGood, untilMs, generation },
    version: JSON.stringify([...decides, generation]),
  };
}

const isGoing = (object: Json): boolean => object?.metadata.deletionTimestamp !== undefined;

function hasAce(cluster: Json): boolean {
  return cluster?.spec?.localClusterAuthEndpoint?.enabled === true && !isGoing(cluster);
}

/** The earlier of `expiresAt` and creation + ttl (ms); whole seconds, rounded down. */
function expiryOf(token: Json): number {
  const byTtl = token.ttl ? Date.parse(token.metadata.creationTimestamp) + token.ttl : Infinity;
  const byTime = token.expiresAt ? Date.parse(token.expiresAt) : Infinity;
  const earliest = Math.min(byTtl, byTime);
  return earliest === Infinity ? Infinity : Math.floor(earliest / 1_000) * 1_000;
}

function groupsOf(attribute: Json): readonly string[] {
  const providers: Json[] = Object.values(attribute.GroupPrincipals ?? {});
  const names = providers.flatMap(({ Items }) => (Items ?? []).map((item: Json) => item.metadata.name));
  return [...new Set<string>(names)].sort();
}

/** A cluster that is registered anew is the same one, whatever its id: `c-1` for `c-1-again-2`. By the convention of the driver. */
const placeOf = (id: string): string => id.replace(/-again-\d+$/, '');

/** The secret of a token, by the convention of the driver: the checker never takes it from where it could leak. */
export function secretOf(seed: number, name: string, generation: number): string {
  return `CANARY-${seed}-${name}-${generation}-not-a-real-secret`;
}
