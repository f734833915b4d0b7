import type { ClusterAuthToken, ClusterUserAttribute } from '../api/parse-downstream.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { Cluster, Token, User } from '../api/types.ts';
import { judgeHeld } from '../authenticator/judge.ts';
import { mayBeOfExtToken } from '../derive/diff.ts';
import { effectiveExpiryMs } from '../derive/expiry.ts';
import { ownerOf } from '../derive/ownership.ts';
import { judgeTokenThere, type TokenVerdict } from '../derive/verdict.ts';
import type { Seen } from '../plane/downstream.ts';
import { known, type Reading } from '../plane/reading.ts';

/** Where one token stands in one cluster, as of now and not as of some stored flag. */
export interface TokenStatus {
  readonly name: string;
  readonly owner: string;
  /**
   * `propagated`: wanted and there; `pending`: wanted, not there yet, or there while its user is not let in yet; `refused`: not
   * wanted, for `reason`; `orphan`: there without a Token; `unknown`: the cluster could not be asked, or it is there and its token,
   * or what its user is there, could not be read.
   */
  readonly state: 'propagated' | 'pending' | 'refused' | 'orphan' | 'unknown';
  readonly reason: TokenReason | Leaving | 'NotRevoked' | '';
  readonly createdAtMs: number | undefined;
  readonly expiresAtMs: number | undefined;
  readonly lastUsedAtMs: number | undefined;
  /** Undefined: the cluster could not be asked. */
  readonly isThere: boolean | undefined;
}

/** Why everything of ours is taken out of a cluster, whatever the token. */
type Leaving = 'ClusterDeleted' | 'DrainRequested';

/** What of a cluster decides where its tokens stand. */
export interface TokenHome {
  readonly name: string;
  /** Undefined, where nobody can read it, is not off: then the operator leaves what is there. */
  readonly aceEnabled: Cluster['aceEnabled'];
  /** Its Cluster is gone, or going. */
  readonly deleting: boolean;
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

/** What the cluster itself holds, as far as it could be read. */
export interface Held {
  readonly tokens: Reading<readonly Seen<ClusterAuthToken>[]>;
  readonly attributes: Reading<readonly Seen<ClusterUserAttribute>[]>;
}

/** All tokens of a cluster, and what is there without one, by name. Pure. */
export function tokenStatuses(
  cluster: TokenHome,
  { tokens, users, isExtUnread }: Upstream,
  there: Held,
  nowMs: number,
): readonly TokenStatus[] {
  const usersByName = new Map(users.map((user) => [user.name, user]));
  const held = new Map((known(there.tokens) ?? []).map((seen) => [seen.parsed.name, seen]));
  const own = tokens.filter(({ clusterName }) => clusterName === cluster.name);
  const names = new Set(own.map(({ name }) => name));
  const attributes = new Map(known(there.attributes)?.map(({ parsed }) => [parsed.name, parsed]));
  const rows = own.map((token) => {
    const seen = held.get(token.name);
    const found: Found = {
      seen,
      isThere: there.tokens.ok ? seen !== undefined : undefined,
      isIn: there.attributes.ok
        ? letsIn(seen, attributes.get(seen?.parsed.userName ?? ''), nowMs)
        : undefined,
    };
    return statusOf(token, usersByName.get(token.userName), cluster, found, nowMs);
  });
  const others = [...held.values()]
    .filter(({ parsed }) => !names.has(parsed.name))
    .map((seen) => tokenless(seen, isExtUnread && mayBeOfExtToken(seen.object) ? 'unknown' : 'orphan'));
  return [...rows, ...others].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What the cluster holds of one token; undefined: that could not be read. */
interface Found {
  readonly seen: Seen<ClusterAuthToken> | undefined;
  readonly isThere: boolean | undefined;
  /** By the ClusterAuthToken and its user's ClusterUserAttribute it is let in there. */
  readonly isIn: boolean | undefined;
}

/** Hashes are not looked at here: as if the one of this token were in order. */
function letsIn(seen: Found['seen'], user: ClusterUserAttribute | undefined, nowMs: number): boolean {
  const token = seen && { ...seen.parsed, hash: 'present' };
  return judgeHeld({ token, secret: undefined, user }, nowMs).kind === 'candidate';
}

function statusOf(
  token: Token,
  user: User | undefined,
  cluster: TokenHome,
  found: Found,
  nowMs: number,
): TokenStatus {
  const context = { cluster: cluster.name, aceEnabled: cluster.aceEnabled !== false, nowMs };
  const { seen } = found;
  const ours = seen && !isOfAnother(seen, cluster.name) ? [seen.object] : [];
  const verdict = judgeTokenThere(token, user, context, ours);
  return {
    name: token.name,
    owner: token.userName,
    ...stateOf(verdict, found, cluster),
    createdAtMs: token.createdAtMs,
    expiresAtMs: effectiveExpiryMs(token),
    lastUsedAtMs: latest(token.lastUsedAtMs, seen?.parsed.lastUsedAtMs),
    isThere: found.isThere,
  };
}

/** A drain takes away what is ours; what others wrote stays, and lets its user in. */
function leaving({ name, deleting, drain }: TokenHome, seen: Found['seen']): Leaving | undefined {
  if (deleting) return 'ClusterDeleted';
  return drain && !isOfAnother(seen, name) ? 'DrainRequested' : undefined;
}

function isOfAnother(seen: Seen<ClusterAuthToken> | undefined, cluster: string): boolean {
  return seen !== undefined && ownerOf(seen.object, cluster) === 'foreign';
}

type State = Pick<TokenStatus, 'state' | 'reason'>;

function stateOf(verdict: TokenVerdict, found: Found, home: TokenHome): State {
  const { isThere } = found;
  const reason = verdict.wanted ? leaving(home, found.seen) : verdict.reason;
  if (reason) return { state: 'refused', reason: isThere ? 'NotRevoked' : reason };
  if (isThere === undefined) return { state: 'unknown', reason: '' };
  if (verdict.wanted && verdict.userDisabled) return disabled(isThere, found.isIn);
  return isThere && found.isIn !== false
    ? { state: 'propagated', reason: '' }
    : { state: 'pending', reason: home.suspend ? 'Suspended' : '' };
}

/** The objects of a disabled user's tokens stay: one write at the user refuses them all, and until then they let in. */
function disabled(isThere: boolean, isIn: boolean | undefined): State {
  if (!isThere || isIn === false) return { state: 'refused', reason: 'UserDisabled' };
  return isIn ? { state: 'refused', reason: 'NotRevoked' } : { state: 'unknown', reason: 'UserDisabled' };
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
