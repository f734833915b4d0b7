import { LABEL_CREATOR, RANCHER_CREATOR } from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';

/** What is known of others who write a cluster that we serve. */
export interface OtherWriter {
  /** ClusterAuthTokens there that neither we wrote nor another Cluster of ours. */
  readonly tokens: number;
  /** Of these, those that Rancher's own controller made, by its mark. */
  readonly byRancher: number;
  /** Of these, those under names of tokens that are to be there. */
  readonly inOurWay: number;
  /** Rancher's own controller has taken tokens of this cluster into its care, as its finalizers on them say. */
  readonly isInRanchersCare: boolean;
}

/** Rancher's server marks what it makes through its own client. */
export function isByRancher({ metadata: { labels } }: KubeObject): boolean {
  return labels?.[LABEL_CREATOR] === RANCHER_CREATOR;
}

/** Who else writes, in words; undefined where nobody does. */
export function otherWriterMessage({
  tokens,
  byRancher,
  inOurWay,
  isInRanchersCare,
}: OtherWriter): string | undefined {
  const who = byRancher > 0 || isInRanchersCare ? "Rancher's own controller" : 'someone else';
  if (tokens === 0)
    return isInRanchersCare
      ? `${who} has tokens of this cluster in its care, too; see docs/rancher.md`
      : undefined;
  const names =
    inOurWay > 0 ? `, ${inOurWay} of them under names of tokens that are to be here (Conflict)` : '';
  return `${who} writes this cluster, too: ${tokens} ClusterAuthTokens are not ours${names}; see docs/rancher.md`;
}
