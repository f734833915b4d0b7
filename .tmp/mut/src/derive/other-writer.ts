import { FIELD_MANAGER, LABEL_CREATOR, LABEL_MANAGED_BY, RANCHER_CREATOR } from '../api/names.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { KubeObject, Token, User, UserAttribute } from '../api/types.ts';
import type { TokenVerdict } from './verdict.ts';

/** What is known of others who write a cluster that we serve. */
export interface OtherWriter {
  /** ClusterAuthTokens there that neither we wrote nor another Cluster of ours. */
  readonly tokens: number;
  /** Of these, those that Rancher's own controller made, by its mark. */
  readonly byRancher: number;
  /** Of these, those under names of tokens that are to be there. */
  readonly inOurWay: number;
  /** Hashes of ours that someone moved out of ClusterAuthTokens. */
  readonly moved: number;
  /** Rancher's own controller has taken tokens of this cluster into its care, as its finalizers on them say. */
  readonly isInRanchersCare: boolean;
  /** What `spec.adopt` makes of these, or would. */
  readonly plan: AdoptionPlan;
}

/** ClusterAuthTokens of others, by what adoption does with them. */
export type AdoptionPlan = Readonly<Record<Intent, number>>;

/**
 * `adopt`: its Token is to be here; `switchOff`: its Token was revoked; `leave`: its Token is for another cluster, or not good for
 * anything yet; `orphan`: no Token has its name, and it is left, too.
 */
export type Intent = 'adopt' | 'switchOff' | 'leave' | 'orphan';

/** @param verdict - of the Token of its name; undefined: there is none */
export function intentOf(verdict: TokenVerdict | undefined): Intent {
  if (!verdict) return 'orphan';
  if (verdict.wanted) return 'adopt';
  return REVOKED.has(verdict.reason) ? 'switchOff' : 'leave';
}

/** What management says of a token that nobody is to be let in by any more. The others say that it is not to be here, or not yet. */
export const REVOKED: ReadonlySet<TokenReason> = new Set(['Disabled', 'Expired', 'Deleting', 'UserNotFound']);

export function planOf(intents: readonly Intent[]): AdoptionPlan {
  const plan = { adopt: 0, switchOff: 0, leave: 0, orphan: 0 };
  for (const intent of intents) plan[intent] += 1;
  return plan;
}

/** As the status says it; null where nobody else has anything there, or nobody has looked. */
export function othersInStatus(others: OtherWriter | undefined): AdoptionPlan | null {
  return others && others.tokens > 0 ? others.plan : null;
}

/** Rancher's server marks what it makes through its own client. What an installation of ours adopted is kept by that one. */
export function isByRancher({ metadata: { labels } }: KubeObject): boolean {
  return labels?.[LABEL_CREATOR] === RANCHER_CREATOR && labels[LABEL_MANAGED_BY] !== FIELD_MANAGER;
}

/** How long after a token was made another writer has the first go at it: two who make the same pair at once would undo each other. */
export const OTHERS_TURN_MS = 60_000;

/** Whether Rancher's own controller may be about to carry a token. It skips those whose hash is stored in a retired format. */
export function isOthersTurn({ secret, createdAtMs }: Token, nowMs: number): boolean {
  if (nowMs - createdAtMs >= OTHERS_TURN_MS) return false;
  return !(secret.kind === 'hashed' && RETIRED.test(secret.value));
}

/** How scrypt and sha256 begin in its layouts. */
const RETIRED = /^\$[12]:/;

/** What keeps another writer's ClusterUserAttribute from judging tokens of ours. */
export type Against = 'NotRanchers' | 'Closed' | 'UserOut' | 'GroupsUnread' | 'MoreGroups';

/**
 * Whether tokens of ours may be judged by a ClusterUserAttribute that we did not write and do not change. It has to be kept by
 * Rancher's own controller, from the same User and UserAttribute, and may give no more than we would.
 *
 * @param attribute - undefined: none is held of the user
 */
export function againstStranger(
  stranger: KubeObject,
  user: User,
  attribute: UserAttribute | undefined,
): Against | undefined {
  if (!isByRancher(stranger)) return 'NotRanchers';
  if (!user.enabled || user.deleting) return 'UserOut';
  if (stranger['enabled'] !== true || stranger.metadata.deletionTimestamp !== undefined) return 'Closed';
  if (attribute?.problem !== undefined) return 'GroupsUnread';
  return strayGroups(stranger, attribute).length > 0 ? 'MoreGroups' : undefined;
}

/** Groups that stand in a ClusterUserAttribute, and that its user does not have. Of what cannot be read there are none. */
export function strayGroups(there: KubeObject, attribute: UserAttribute | undefined): readonly unknown[] {
  if (attribute?.problem !== undefined) return [];
  const given = new Set<unknown>(attribute?.groups ?? []);
  return groupsIn(there).filter((group) => !given.has(group));
}

/** Whether a ClusterUserAttribute lacks groups that its user has. */
export function lacksGroups(there: KubeObject, { groups }: Pick<UserAttribute, 'groups'>): boolean {
  const held = new Set(groupsIn(there));
  return groups.some((group) => !held.has(group));
}

function groupsIn({ groups }: KubeObject): readonly unknown[] {
  return Array.isArray(groups) ? groups : [];
}

/** {@link againstStranger} in words, of a ClusterUserAttribute. */
export const AGAINST_TEXTS: Readonly<Record<Against, string>> = {
  NotRanchers: "it is not kept by Rancher's own controller",
  Closed: 'it does not let the user in',
  UserOut: 'the user is disabled',
  GroupsUnread: 'the groups of the user cannot be read upstream',
  MoreGroups: 'it gives groups that the user does not have',
};

/** Who else writes, in words; undefined where nobody does. */
export function otherWriterMessage(others: OtherWriter): string | undefined {
  const parts = [tokensMessage(others), movedMessage(others)].filter((part) => part !== undefined);
  return parts.length === 0 ? undefined : `${parts.join('; ')}; see docs/rancher.md`;
}

function movedMessage({ moved }: OtherWriter): string | undefined {
  if (moved === 0) return undefined;
  return `kube-api-auth has moved ${moved} inline hashes into Secrets, where they are left: set hash.storage to secret`;
}

function tokensMessage({ tokens, byRancher, inOurWay, isInRanchersCare }: OtherWriter): string | undefined {
  const who = byRancher > 0 || isInRanchersCare ? "Rancher's own controller" : 'someone else';
  if (tokens === 0)
    return isInRanchersCare ? `${who} has tokens of this cluster in its care, too` : undefined;
  const names =
    inOurWay > 0 ? `, ${inOurWay} of them under names of tokens that are to be here (Conflict)` : '';
  return `${who} writes this cluster, too: ${tokens} ClusterAuthTokens are not ours${names}`;
}

/** @param sibling - another Cluster of this installation that leads to the same API server */
export function sharedMessage(sibling: string): string {
  return `Cluster ${sibling} leads to the same API server and has objects there, which stay its own; delete one of the two Clusters`;
}
