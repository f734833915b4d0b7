import { ANNOTATION_ALLOW_GC, CLUSTER_PROPAGATIONS } from '../api/names.ts';
import type { RemovalReason } from '../api/reasons.ts';
import { isObjectMissing, UnseenError } from '../errors.ts';
import { EXT_TOKENS_WATCH } from '../operator/upstream/management.ts';
import { eachBounded } from '../plane/bounded.ts';
import { needed } from '../plane/needed.ts';
import type { Patience } from '../plane/patient.ts';
import { type Removal, type RemovalPlan, tokenReason } from './plan.ts';
import { type PlanSources, readPlan } from './read-plan.ts';
import { type Removed, removeObject } from './remove.ts';
import { readManagement } from './snapshot.ts';

const AT_ONCE = 8;
/** A look at both sides costs as much as the whole plan; what it says is true for about as long as these take. */
const USERS_A_LOOK = 100;
/** After so many in a row a server is left alone: it may answer tomorrow, or be in other hands. */
const MAX_UNANSWERED = 3;

/** Both sides, and what ends the work: nothing new is begun after an interruption, nor when patience is at its end. */
export interface ApplySources extends PlanSources {
  readonly interruption: AbortSignal;
  readonly patience: Patience;
}

const isOver = ({ interruption, patience }: ApplySources): boolean =>
  interruption.aborted || patience.limit.aborted;

/**
 * Does what a plan says, but for what the brake holds: ClusterAuthTokens, Secrets, ClusterUserAttributes, each after a
 * live read of its source. A ClusterUserAttribute goes only when a second look at both sides still has it unused.
 *
 * @param tell - what came of each object
 * @throws {ConnectionError} when the second look cannot be had: then the ClusterUserAttributes stay
 */
export async function applyPlan(
  plan: RemovalPlan,
  sources: ApplySources,
  tell: (removed: Removed) => void,
): Promise<void> {
  const due = plan.removals.filter(({ heldBack }) => !heldBack);
  for (const kind of ['ClusterAuthToken', 'Secret'] as const) {
    await inParallel(ofKind(due, kind), plan.cluster, sources, tell);
  }
  const users = ofKind(due, 'ClusterUserAttribute');
  for (let at = 0; at < users.length && !isOver(sources); at += USERS_A_LOOK)
    await removeUsers(users.slice(at, at + USERS_A_LOOK), plan.cluster, sources, tell);
  if (plan.blocked && plan.allowed && !isOver(sources)) await useAllowance(plan.cluster, sources);
}

/** Those of them that nobody has given a token to meanwhile, as far as a look right before can tell. */
async function removeUsers(
  users: readonly Removal[],
  cluster: string,
  sources: ApplySources,
  tell: (removed: Removed) => void,
): Promise<void> {
  const { still, unread } = await stillDue(cluster, sources);
  const isStillDue = ({ object }: Removal): boolean => still.has(object.metadata.uid ?? '');
  const message =
    unread === undefined
      ? 'it has a token again, or is held back by now'
      : `tokens of ext.cattle.io cannot be read: ${unread}`;
  for (const { object } of users.filter((removal) => !isStillDue(removal)))
    tell({ object, result: 'kept', message });
  await inParallel(users.filter(isStillDue), cluster, sources, tell);
}

const ofKind = (removals: readonly Removal[], kind: string): readonly Removal[] =>
  removals.filter(({ object }) => object.kind === kind);

async function inParallel(
  removals: readonly Removal[],
  cluster: string,
  sources: ApplySources,
  tell: (removed: Removed) => void,
): Promise<void> {
  let unanswered = 0;
  const remove = async (removal: Removal): Promise<void> => {
    const obstacle = (): Promise<string | undefined> => obstacleTo(removal, cluster, sources);
    const removed = await removeObject(removal.object, sources.downstream.client, {
      dryRun: false,
      patience: sources.patience,
      obstacle,
    });
    tell(removed);
    unanswered = removed.isUnanswered ? unanswered + 1 : 0;
    if (unanswered < MAX_UNANSWERED || sources.patience.limit.aborted) return;
    throw new UnseenError(
      `given up: it did not answer ${unanswered} deletions in a row; the rest is as it was`,
    );
  };
  const ends = AbortSignal.any([sources.interruption, sources.patience.limit]);
  await eachBounded(removals, AT_ONCE, remove, ends);
}

/** Why it must stay after all, by a live read of what it was written for. @throws {ConnectionError} when that fails */
async function obstacleTo(
  { object, reason, token, api, user }: Removal,
  cluster: string,
  { plane, nowMs }: PlanSources,
): Promise<string | undefined> {
  if (DRAINED_FOR.has(reason)) {
    return (await isDraining(cluster, plane)) ? undefined : `cluster ${cluster} is to have it again`;
  }
  if (user !== undefined) {
    const live = needed(await plane.user(user));
    return reason === 'UserNotFound' && live ? `user ${user} exists` : undefined;
  }
  const live = needed(await plane.token(token ?? '', cluster, api));
  const owner = live && needed(await plane.user(live.userName));
  const isWanted = tokenReason(live, owner, [object], { cluster, nowMs }) === undefined;
  return isWanted ? `token ${token} is wanted` : undefined;
}

/** Everything goes for these, whatever it was written for. */
const DRAINED_FOR: ReadonlySet<RemovalReason> = new Set(['ClusterDeleted', 'AceDisabled', 'DrainRequested']);

/** @throws {ConnectionError} */
async function isDraining(cluster: string, plane: PlanSources['plane']): Promise<boolean> {
  const live = needed(await plane.cluster(cluster));
  if (live === undefined || live.deleting || live.aceEnabled === false) return true;
  return needed(await plane.propagation(cluster))?.spec.drain ?? false;
}

/** What a second look at both sides tells. */
interface SecondLook {
  /** UIDs of what it would take away. */
  readonly still: ReadonlySet<string>;
  /** Why tokens of `ext.cattle.io` could not be read, in words. */
  readonly unread: string | undefined;
}

async function stillDue(cluster: string, sources: PlanSources): Promise<SecondLook> {
  const management = await readManagement(sources.plane, sources.readsCredentials);
  const { removals } = await readPlan(cluster, { ...sources, management });
  const due = removals.filter(({ heldBack }) => !heldBack);
  return {
    still: new Set(due.map(({ object }) => object.metadata.uid ?? '')),
    unread: management.unread.get(EXT_TOKENS_WATCH),
  };
}

/** It was for one sweep, and this was one. */
async function useAllowance(cluster: string, { plane, management }: PlanSources): Promise<void> {
  const uid = management.propagations.get(cluster)?.uid;
  const patch = { metadata: { uid, annotations: { [ANNOTATION_ALLOW_GC]: null } } };
  try {
    await plane.client.patch({ resource: CLUSTER_PROPAGATIONS, name: cluster }, patch);
  } catch (error) {
    if (!isObjectMissing(error)) throw error;
  }
}
