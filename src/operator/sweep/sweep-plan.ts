import { isParked } from '../../api/parked-token.ts';
import type { KubeObject, PropagationSpec, Token } from '../../api/types.ts';
import type { ObservedState } from '../../clusters/observed.ts';
import { hasLostHash, isOfExtToken } from '../../derive/diff.ts';
import { intentOf, isByRancher, type OtherWriter, planOf } from '../../derive/other-writer.ts';
import { judgeToken } from '../../derive/verdict.ts';
import { SETTING_KEY, sourceKey, tokenKey, userKey } from '../keys.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import { EXT_TOKENS_WATCH, type Management } from '../upstream/management.ts';

/** What a pass over one whole cluster found. */
export interface SweepPlan {
  /** Everything to be looked at: what is wanted or present. */
  readonly keys: readonly string[];
  /** Keys without a source upstream and without evidence of its deletion; they may go when not blocked. */
  readonly orphans: readonly string[];
  /** Of the keys, those whose objects are not wanted any more: revocations go first, also after a reconnect. */
  readonly revocations: ReadonlySet<string>;
  readonly blocked: { readonly objects: number; readonly limit: number } | undefined;
}

export interface SweptCluster {
  readonly name: string;
  readonly spec: PropagationSpec;
  readonly nowMs: number;
  /** What is there of a key was written for a Cluster that does not exist any more: it is owed, whatever is absent. Left out: never. */
  readonly isLeftOver?: (key: string) => boolean;
}

/**
 * Compares all that is ours in a cluster with all that management has. Deletes nothing: it says which keys to
 * work, and whether the absent ones are so many that a person should look first.
 *
 * The brake is for absence only: an empty or wrong management plane must not empty the clusters. Deletions
 * that the watch told are not counted.
 */
export function planSweep(
  { name: cluster, spec, nowMs, isLeftOver = () => false }: SweptCluster,
  observed: ObservedState,
  management: Management,
  evidence: DeletionEvidence,
): SweepPlan {
  const managed = observed.managed();
  const tokenOf = (name: string): Token | undefined =>
    management.token(name, cluster, nowMs, observed.apiOf(name));
  const isExtUnread = management.unread.has(EXT_TOKENS_WATCH);
  const orphanTokens = [...managed.tokens].filter((name) => {
    if (isLeftOver(tokenKey(name))) return false;
    const token = tokenOf(name);
    if (!token) {
      const isOfExt = observed.forToken(name).some(isOfExtToken);
      // While that kind is not read, its absence says nothing: it is looked at one by one, and counts for no brake.
      return !(isExtUnread && isOfExt) && !evidence.has(sourceKey(name, isOfExt ? 'ext' : 'v3'));
    }
    // It is there, for another cluster: whoever's it is, it is no orphan.
    if (isParked(token)) return false;
    return !management.users.get(token.userName) && !evidence.has(userKey(token.userName));
  });
  const orphanUsers = [...managed.users].filter(
    (name) => !management.users.get(name) && !evidence.has(userKey(name)) && !isLeftOver(userKey(name)),
  );
  const objects = orphanTokens.reduce(
    (sum, name) => sum + observed.forToken(name).length,
    orphanUsers.length,
  );
  const limit = Math.max(spec.minDeletes, Math.floor((managed.objects * spec.maxDeletePercent) / 100));
  const wanted = management.tokensOfCluster(cluster);
  const isActive = (name: string): boolean => {
    const user = management.users.get(name);
    return user?.enabled === true && !user.deleting;
  };
  const context = { cluster, aceEnabled: true, nowMs };
  const isWanted = (name: string): boolean => {
    const token = tokenOf(name);
    return token !== undefined && judgeToken(token, management.users.get(token.userName), context).wanted;
  };
  return {
    keys: [
      ...new Set([
        ...orphanUsers.map(userKey),
        ...orphanTokens.map(tokenKey),
        ...[...managed.users].map(userKey),
        ...wanted.map((token) => userKey(token.userName)),
        ...[...managed.tokens].map(tokenKey),
        ...wanted.map((token) => tokenKey(token.name)),
        SETTING_KEY,
      ]),
    ].filter((key) => key !== userKey('')),
    revocations: new Set([
      ...[...managed.tokens].filter((name) => !isWanted(name)).map(tokenKey),
      ...[...managed.users].filter((name) => !isActive(name)).map(userKey),
    ]),
    orphans: [...orphanTokens.map(tokenKey), ...orphanUsers.map(userKey)],
    blocked: objects > limit ? { objects, limit } : undefined,
  };
}

/** Who else writes the cluster, as it is seen there and by what management says of its tokens. */
export function lookForOthers(
  cluster: string,
  observed: ObservedState,
  management: Management,
  nowMs: number,
): OtherWriter {
  const foreign = observed.foreignTokens();
  const isToBeHere = ({ metadata }: KubeObject): boolean =>
    management.tokensNamed(metadata.name).some(({ clusterName }) => clusterName === cluster);
  return {
    tokens: foreign.length,
    byRancher: foreign.filter(isByRancher).length,
    plan: planOf(
      foreign.map(({ metadata: { name } }) => {
        const token = management.token(name, cluster, nowMs);
        const user = token && management.users.get(token.userName);
        return intentOf(token && judgeToken(token, user, { cluster, aceEnabled: true, nowMs }));
      }),
    ),
    moved: observed.ownTokens().filter(hasLostHash).length,
    inOurWay: foreign.filter(isToBeHere).length,
    isInRanchersCare: management.tokensOfCluster(cluster).some((token) => token.isInRanchersCare),
  };
}
