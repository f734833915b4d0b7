import type { PropagationSpec } from '../api/types.ts';
import type { ObservedState } from '../clusters/observed.ts';
import type { DeletionEvidence } from './evidence.ts';
import { SETTING_KEY, tokenKey, userKey } from './keys.ts';
import type { Management } from './management.ts';

/** What a pass over one whole cluster found. */
export interface SweepPlan {
  /** Everything to be looked at: what is wanted or present. */
  readonly keys: readonly string[];
  /** Keys without a source upstream and without evidence of its deletion; they may go when not blocked. */
  readonly orphans: readonly string[];
  readonly blocked: { readonly objects: number; readonly limit: number } | undefined;
}

/**
 * Compares all that is ours in a cluster with all that management has. Deletes nothing: it says which keys to
 * work, and whether the absent ones are so many that a person should look first.
 *
 * The brake is for absence only: an empty or wrong management plane must not empty the clusters. Deletions
 * that the watch told are not counted.
 */
export function planSweep(
  cluster: string,
  observed: ObservedState,
  management: Management,
  evidence: DeletionEvidence,
  spec: PropagationSpec,
): SweepPlan {
  const managed = observed.managed();
  const orphanTokens = [...managed.tokens].filter((name) => {
    const token = management.tokens.get(name);
    if (!token) return !evidence.has(tokenKey(name));
    return !management.users.get(token.userName) && !evidence.has(userKey(token.userName));
  });
  const orphanUsers = [...managed.users].filter(
    (name) => !management.users.get(name) && !evidence.has(userKey(name)),
  );
  const objects = orphanTokens.reduce(
    (sum, name) => sum + observed.forToken(name).length,
    orphanUsers.length,
  );
  const limit = Math.max(spec.minDeletes, Math.floor((managed.objects * spec.maxDeletePercent) / 100));
  const wanted = management.tokensOfCluster(cluster);
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
    orphans: [...orphanTokens.map(tokenKey), ...orphanUsers.map(userKey)],
    blocked: objects > limit ? { objects, limit } : undefined,
  };
}
