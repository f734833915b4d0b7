import { LABEL_CREATOR, RANCHER_CREATOR } from '../api/names.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { KubeObject } from '../api/types.ts';
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
type Intent = 'adopt' | 'switchOff' | 'leave' | 'orphan';

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

/** Rancher's server marks what it makes through its own client. */
export function isByRancher({ metadata: { labels } }: KubeObject): boolean {
  return labels?.[LABEL_CREATOR] === RANCHER_CREATOR;
}

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
