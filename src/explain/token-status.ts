import type { ClusterAuthToken } from '../api/parse-downstream.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { Cluster, Token, User } from '../api/types.ts';
import { mayBeOfExtToken } from '../derive/diff.ts';
import { effectiveExpiryMs } from '../derive/expiry.ts';
import { ownerOf } from '../derive/ownership.ts';
import { judgeToken } from '../derive/verdict.ts';
import type { Seen } from '../plane/downstream.ts';
import { known, type Reading } from '../plane/reading.ts';

/** Where one token stands in one cluster, as of now and not as of some stored flag. */
export interface TokenStatus {
  readonly name: string;
  readonly owner: string;
  /**
   * `propagated`: wanted and there; `pending`: wanted, not there yet; `refused`: not wanted, for `reason`; `orphan`: there
   * without a Token; `unknown`: the cluster could not be asked, or it is there and its token may be one that could not be read.
   */
  readonly state: 'propagated' | 'pending' | 'refused' | 'orphan' | 'unknown';
  readonly reason: TokenReason | 'NotRevoked' | 'DrainRequested' | '';
  readonly createdAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  readonly lastUsedAtMs: number | undefined;
  /** Undefined: the cluster could not be asked. */
  readonly isThere: boolean | undefined;
}

/** What of a cluster decides where its tokens stand. */
export interface TokenHome {
  readonly name: string;
  readonly aceEnabled: Cluster['aceEnabled'];
  /** `spec.drain` and `spec.suspend` of its ClusterPropagation. */
  readonly drain: boolean;
  readonly suspend: boolean;
}

/** What the management plane holds, as far as it could be read. */
export interface Upstream {
  readonly tokens: readonly Token[];
  readonly users: readonly User[];
  /** Tokens of `ext.cattle.io` could not be read: nobody can say that one of them is gone. */
  readonly isExtUnread: boolean;
}

/** All tokens of a cluster, and what is there without one, by name. Pure. */
export function tokenStatuses(
  cluster: TokenHome,
  { tokens, users, isExtUnread }: Upstream,
  there: Reading<readonly Seen<ClusterAuthToken>[]>,
  nowMs: number,
): readonly TokenStatus[] {
  const usersByName = new Map(users.map((user) => [user.name, user]));
  const held = new Map((known(there) ?? []).map((seen) => [seen.parsed.name, seen]));
  const own = tokens.filter(({ clusterName }) => clusterName === cluster.name);
  const names = new Set(own.map(({ name }) => name));
  const rows = own.map((token) =>
    statusOf(token, usersByName.get(token.userName), cluster, there.ok ? held : undefined, nowMs),
  );
  const others = [...held.values()]
    .filter(({ parsed }) => !names.has(parsed.name))
    .map((seen) => tokenless(seen, isExtUnread && mayBeOfExtToken(seen.object) ? 'unknown' : 'orphan'));
  return [...rows, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
}

function statusOf(
  token: Token,
  user: User | undefined,
  cluster: TokenHome,
  held: ReadonlyMap<string, Seen<ClusterAuthToken>> | undefined,
  nowMs: number,
): TokenStatus {
  const verdict = judgeToken(token, user, {
    cluster: cluster.name,
    aceEnabled: cluster.aceEnabled !== false,
    nowMs,
  });
  const there = held?.get(token.name);
  return {
    name: token.name,
    owner: token.userName,
    // A drain takes away what is ours; what others wrote stays, and lets its user in.
    ...stateOf(verdict, held && there !== undefined, {
      ...cluster,
      drain: cluster.drain && !isOfAnother(there, cluster.name),
    }),
    createdAtMs: token.createdAtMs,
    expiresAtMs: effectiveExpiryMs(token),
    lastUsedAtMs: latest(token.lastUsedAtMs, there?.parsed.lastUsedAtMs),
    isThere: held && there !== undefined,
  };
}

function isOfAnother(seen: Seen<ClusterAuthToken> | undefined, cluster: string): boolean {
  return seen !== undefined && ownerOf(seen.object, cluster) === 'foreign';
}

function stateOf(
  verdict: ReturnType<typeof judgeToken>,
  isThere: boolean | undefined,
  { drain, suspend }: TokenHome,
): Pick<TokenStatus, 'state' | 'reason'> {
  if (verdict.wanted && drain) return { state: 'refused', reason: isThere ? 'NotRevoked' : 'DrainRequested' };
  if (!verdict.wanted) return { state: 'refused', reason: isThere ? 'NotRevoked' : verdict.reason };
  if (isThere === undefined) return { state: 'unknown', reason: '' };
  // The objects of a disabled user's tokens stay: one write at the user refuses them all.
  if (verdict.userDisabled) return { state: 'refused', reason: 'UserDisabled' };
  return isThere
    ? { state: 'propagated', reason: '' }
    : { state: 'pending', reason: suspend ? 'Suspended' : '' };
}

function tokenless({ parsed: token }: Seen<ClusterAuthToken>, state: 'orphan' | 'unknown'): TokenStatus {
  return {
    name: token.name,
    owner: token.userName,
    state,
    reason: '',
    createdAtMs: undefined,
    expiresAtMs: token.expiresAt === 'malformed' ? undefined : token.expiresAt,
    lastUsedAtMs: token.lastUsedAtMs,
    isThere: true,
  };
}

function latest(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || b === undefined ? (a ?? b) : Math.max(a, b);
}
