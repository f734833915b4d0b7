import { CLUSTER_USER_ATTRIBUTES, SECRETS } from '../api/names.ts';
import { ConfigError, UnseenError } from '../errors.ts';
import { eachBounded } from '../plane/bounded.ts';
import type { DownstreamPlane } from '../plane/downstream.ts';
import { needed } from '../plane/needed.ts';
import { type Adoption, type AdoptionItem, isGoodAtHome } from './adoption.ts';
import type { ApplySources } from './apply-plan.ts';
import { type Removed, removeObject } from './remove.ts';

const AT_ONCE = 8;
/** After so many in a row a server is left alone: it may answer tomorrow, or be in other hands. */
const MAX_UNANSWERED = 3;
const USERS = CLUSTER_USER_ATTRIBUTES.kind;
/** Without its ClusterAuthToken a Secret opens nothing. */
const ORDER = ['ClusterAuthToken', 'Secret', 'ClusterUserAttribute'] as const;

/**
 * Refuses to take anything out of a cluster that may be another one than was meant: of that one nobody looked at its Tokens.
 *
 * @throws {ConfigError} saying what to do
 */
export function requireProven(cluster: string, { unproven }: Pick<DownstreamPlane, 'unproven'>): void {
  if (unproven === undefined) return;
  throw new ConfigError(
    `--remove-leftovers: ${unproven}; nothing was changed: leave --downstream-kubeconfig out, or wait until the ClusterPropagation of ${cluster} names the UID of its namespace kube-system`,
  );
}

/** What of a cluster may be taken away on request, in the order in which it goes. */
export function leftoversOf({ items }: Adoption): readonly AdoptionItem[] {
  return ORDER.flatMap((kind) =>
    items.filter(({ object, isRemovable }) => isRemovable && object.kind === kind),
  );
}

/**
 * Takes away what Rancher left behind in a cluster: each object as it was looked at, after a live read of what it was for.
 *
 * @param isDryRun - the API server tries it, and stores nothing
 * @param tell - what came of each object
 */
export async function removeLeftovers(
  adoption: Adoption,
  sources: ApplySources,
  isDryRun: boolean,
  tell: (removed: Removed) => void,
): Promise<void> {
  const due = leftoversOf(adoption);
  const { interruption, patience, downstream } = sources;
  const ends = AbortSignal.any([interruption, patience.limit]);
  let [unanswered, stays] = [0, ''];
  const remove = async (item: AdoptionItem): Promise<void> => {
    const obstacle = async (): Promise<string | undefined> =>
      item.object.kind === USERS && stays !== ''
        ? `${stays} is still there`
        : obstacleTo(item, adoption, sources, isDryRun);
    const removed = await removeObject(item.object, downstream.client, {
      ...{ dryRun: isDryRun, patience, obstacle },
    });
    tell(removed);
    if (removed.result !== 'deleted') stays = `${item.object.kind} ${item.object.metadata.name}`;
    unanswered = removed.isUnanswered ? unanswered + 1 : 0;
    if (unanswered < MAX_UNANSWERED || patience.limit.aborted) return;
    throw new UnseenError(
      `cluster ${adoption.cluster}: given up: it did not answer ${unanswered} deletions in a row; the rest is as it was`,
    );
  };
  for (const kind of ORDER)
    await eachBounded(
      due.filter(({ object }) => object.kind === kind),
      AT_ONCE,
      remove,
      ends,
    );
}

/** The cluster that a token of that name, of either kind, is wanted in, by a live look; undefined: in none. @throws {ConnectionError} */
async function neededAt(name: string, { plane, nowMs }: ApplySources): Promise<string | undefined> {
  for (const token of needed(await plane.tokensNamed(name))) {
    if (token.clusterName === '') continue;
    const cluster = needed(await plane.cluster(token.clusterName));
    const user = needed(await plane.user(token.userName));
    if (isGoodAtHome(token, user, cluster, nowMs)) return token.clusterName;
  }
  return undefined;
}

/** Why it must stay after all. @throws {ConnectionError} when that cannot be told */
async function obstacleTo(
  { object, reason }: AdoptionItem,
  { cluster }: Adoption,
  sources: ApplySources,
  isDryRun: boolean,
): Promise<string | undefined> {
  const { plane, downstream } = sources;
  const { name } = object.metadata;
  if (reason === 'AceDisabled') {
    if (needed(await plane.cluster(cluster))?.aceEnabled !== false)
      return `the endpoint of cluster ${cluster} is not off any more`;
    const home = object.kind === USERS ? undefined : await neededAt(name, sources);
    if (home !== undefined) return `token ${name} is wanted in cluster ${home}`;
  } else if (needed(await plane.token(name)) !== undefined) return `token ${name} exists`;
  // In a dry run what was to go before it is still there.
  if (object.kind !== SECRETS.kind || isDryRun) return undefined;
  const there = needed(await downstream.clusterAuthToken(name));
  return there === undefined ? undefined : `ClusterAuthToken ${name} is still there`;
}
