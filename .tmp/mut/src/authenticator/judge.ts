import type { ClusterAuthToken, ClusterUserAttribute, HashSecret } from '../api/parse-downstream.ts';
import type { DenialReason } from '../api/reasons.ts';
import type { ExtraByProvider } from '../api/types.ts';

/** What the cluster holds under a token's name. */
export interface Held {
  readonly token: ClusterAuthToken | undefined;
  readonly secret: HashSecret | undefined;
  readonly user: ClusterUserAttribute | undefined;
}

/** Everything but the secret is in order: it remains to verify that against `hash`. */
export interface Candidate {
  readonly hash: string;
  readonly token: ClusterAuthToken;
  readonly user: ClusterUserAttribute;
}

export type Judgement =
  | { readonly kind: 'refused'; readonly reason: DenialReason }
  | { readonly kind: 'candidate'; readonly candidate: Candidate };

const refused = (reason: DenialReason): Judgement => ({ kind: 'refused', reason });

/**
 * Judges what is held under a name, without the secret. Fails closed, for that token alone.
 *
 * Order and rules are kube-api-auth's (its `hash` field wins over the Secret), with one more: what is being
 * deleted no longer counts.
 */
export function judgeHeld({ token, secret, user }: Held, nowMs: number): Judgement {
  if (!token) return refused('UnknownToken');
  const tokenReason = reasonOfToken(token, nowMs);
  if (tokenReason) return refused(tokenReason);
  if (!user) return refused('UnknownUser');
  if (user.deleting) return refused('UserDeleting');
  if (!user.enabled) return refused('UserDisabled');
  const hash = token.hash !== '' ? token.hash : hashOf(secret, token);
  if (hash === '') return refused('HashMissing');
  return { kind: 'candidate', candidate: { hash, token, user } };
}

/**
 * The Secret's hash, if it belongs to this token. The two come by separate watches: when a name is used again, one may
 * be of the earlier token still, and must not be paired with the other. A token that was made again with the same secret is no other:
 * its Secret says so, as it is marked anew first.
 */
function hashOf(secret: HashSecret | undefined, token: ClusterAuthToken): string {
  if (!secret || secret.deleting) return '';
  const uids = [secret.tokenUid, secret.earlierTokenUid];
  const isOfAnother = secret.tokenUid !== '' && token.tokenUid !== '' && !uids.includes(token.tokenUid);
  return isOfAnother ? '' : secret.hash;
}

function reasonOfToken(token: ClusterAuthToken, nowMs: number): DenialReason | undefined {
  if (token.deleting) return 'TokenDeleting';
  if (!token.enabled) return 'TokenDisabled';
  if (token.expiresAt === 'malformed') return 'MalformedExpiry';
  if (token.expiresAt !== undefined && token.expiresAt <= nowMs) return 'Expired';
  return undefined;
}

/** Our own key in `extra`: which token it was, for the audit log. */
export const EXTRA_TOKEN_ID = 'ace-operator.io/token-id';
/** Kubernetes' own key for the same: audit logs of API servers show it, whatever authenticated. */
const EXTRA_CREDENTIAL_ID = 'authentication.kubernetes.io/credential-id';
const AUDIT_KEYS = ['principalid', 'username'] as const;

/** `extra` of an accepted token: who the person is at the providers, and which token it was. Nothing secret. */
export function extraOf(
  token: string,
  byProvider: ExtraByProvider | undefined,
): Record<string, readonly string[]> {
  const extra: Record<string, readonly string[]> = {
    [EXTRA_TOKEN_ID]: [token],
    [EXTRA_CREDENTIAL_ID]: [`ace-operator.io/token=${token}`],
  };
  for (const key of AUDIT_KEYS) {
    const values = Object.values(byProvider ?? {}).flatMap((provider) => provider?.[key] ?? []);
    if (values.length > 0) extra[key] = [...new Set(values)];
  }
  return extra;
}
