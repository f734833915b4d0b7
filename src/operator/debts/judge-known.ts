import type { Token } from '../../api/types.ts';
import { judgeToken } from '../../derive/verdict.ts';
import { parseKey, sourceKey } from '../keys.ts';
import type { DeletionEvidence } from '../upstream/deletions.ts';
import type { Management } from '../upstream/management.ts';
import type { Debt } from './debt-record.ts';
import { presenceOf } from './plane.ts';

/** What the management plane says, and what is known to have been deleted there. */
export interface SeenUpstream {
  readonly management: Management;
  readonly deletions: Pick<DeletionEvidence, 'add' | 'has' | 'hasAny'>;
}

/** Where and when something was known. */
interface Known {
  readonly cluster: string;
  /** Kinds of the tokens that keys stand for, where it is known. */
  readonly apis: ReadonlyMap<string, Token['api']>;
  /** Milliseconds since the epoch. */
  readonly nowMs: number;
}

/**
 * How what an earlier process knew to be in a cluster stands now: `wanted`, or harmless, or not to be told yet; revoked, as a token or a user; or `unseen`: its
 * source is not there, and nobody knows that it was deleted.
 */
export function standingOf(
  key: string,
  known: Known,
  { management, deletions }: SeenUpstream,
): 'wanted' | 'token' | 'user' | 'unseen' {
  const { kind, name } = parseKey(key);
  const api = known.apis.get(key);
  const presence = presenceOf(key, known, management);
  if (presence !== 'there' && !isDeleted(key, api, deletions))
    return presence === 'unread' ? 'wanted' : 'unseen';
  if (kind === 'user') return isActive(name, management) ? 'wanted' : 'user';
  return isRevoked(management.token(name, known.cluster, known.nowMs, api), known, management)
    ? 'token'
    : 'wanted';
}

function isDeleted(
  key: string,
  api: Token['api'] | undefined,
  deletions: SeenUpstream['deletions'],
): boolean {
  const { kind, name } = parseKey(key);
  return kind === 'user' || !api ? deletions.hasAny(key) : deletions.has(sourceKey(name, api));
}

/** An expired token is refused by what stands in it; one of a user who is gone, by the user. */
function isRevoked(token: Token | undefined, { cluster, nowMs }: Known, { users }: Management): boolean {
  if (!token) return true;
  const verdict = judgeToken(token, users.get(token.userName), { cluster, aceEnabled: true, nowMs });
  return !verdict.wanted && !['Expired', 'UserNotFound', 'HashPending'].includes(verdict.reason);
}

/** A user who is enabled again is owed no more, but for groups that they lost. An earlier token of a name stays owed until the cluster has told. */
export function isStillOwed(key: string, { isOfGroups }: Debt, management: Management): boolean {
  const { kind, name } = parseKey(key);
  return isOfGroups || kind !== 'user' || !isActive(name, management);
}

function isActive(user: string, management: Management): boolean {
  const found = management.users.get(user);
  return found?.enabled === true && !found.deleting;
}
