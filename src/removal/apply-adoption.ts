import { SECRETS } from '../api/names.ts';
import { UnseenError } from '../errors.ts';
import { eachBounded } from '../plane/bounded.ts';
import { needed } from '../plane/needed.ts';
import type { Adoption, AdoptionItem } from './adoption.ts';
import type { ApplySources } from './apply-plan.ts';
import { type Removed, removeObject } from './remove.ts';

const AT_ONCE = 8;
/** After so many in a row a server is left alone: it may answer tomorrow, or be in other hands. */
const MAX_UNANSWERED = 3;
/** Without its ClusterAuthToken a Secret opens nothing. */
const ORDER = ['ClusterAuthToken', 'Secret', 'ClusterUserAttribute'] as const;

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
  let unanswered = 0;
  const remove = async (item: AdoptionItem): Promise<void> => {
    const obstacle = (): Promise<string | undefined> => obstacleTo(item, adoption, sources, isDryRun);
    const removed = await removeObject(item.object, downstream.client, {
      ...{ dryRun: isDryRun, patience, obstacle },
    });
    tell(removed);
    unanswered = removed.isUnanswered ? unanswered + 1 : 0;
    if (unanswered < MAX_UNANSWERED || patience.limit.aborted) return;
    throw new UnseenError(
      `given up: it did not answer ${unanswered} deletions in a row; the rest is as it was`,
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

/** Why it must stay after all. @throws {ConnectionError} when that cannot be told */
async function obstacleTo(
  { object, reason }: AdoptionItem,
  { cluster }: Adoption,
  { plane, downstream }: ApplySources,
  isDryRun: boolean,
): Promise<string | undefined> {
  const { name } = object.metadata;
  if (reason === 'AceDisabled') {
    if (needed(await plane.cluster(cluster))?.aceEnabled === true)
      return `the endpoint of cluster ${cluster} is on again`;
  } else if (needed(await plane.token(name)) !== undefined) return `token ${name} exists`;
  // In a dry run what was to go before it is still there.
  if (object.kind !== SECRETS.kind || isDryRun) return undefined;
  const there = needed(await downstream.clusterAuthToken(name));
  return there === undefined ? undefined : `ClusterAuthToken ${name} is still there`;
}
