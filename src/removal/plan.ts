import type { RemovalReason } from '../api/reasons.ts';
import type { Condition, KubeObject, Token, User } from '../api/types.ts';
import { isOfExtToken } from '../derive/diff.ts';
import { judgeTokenThere } from '../derive/verdict.ts';
import { detectFormat } from '../hash/detect.ts';
import { parseKey, tokenKey, userKey } from '../operator/keys.ts';
import { isExpired } from '../operator/sweep/allowance.ts';
import { planSweep, type SweepPlan } from '../operator/sweep/sweep-plan.ts';
import { clusterSettings } from '../operator/upstream/cluster-settings.ts';
import { DeletionEvidence } from '../operator/upstream/deletions.ts';
import { EXT_TOKENS_WATCH, type Management } from '../operator/upstream/management.ts';
import type { DownstreamSnapshot } from './snapshot.ts';

/** One object that is to go. */
export interface Removal {
  readonly object: KubeObject;
  readonly reason: RemovalReason;
  /** Its source is absent, and so are too many others': the brake holds it. */
  readonly heldBack: boolean;
  /** The token, or the User, that it was written for. */
  readonly token: string | undefined;
  /** The kind of that token. */
  readonly api: Token['api'] | undefined;
  readonly user: string | undefined;
  /** Milliseconds since the epoch. */
  readonly createdAtMs: number | undefined;
  readonly lastUsedAtMs: number | undefined;
}

/** What the operator would take away in one cluster. */
export interface RemovalPlan {
  readonly cluster: string;
  /** In the order in which they go: ClusterAuthTokens, Secrets, ClusterUserAttributes. */
  readonly removals: readonly Removal[];
  readonly blocked: { readonly objects: number; readonly limit: number } | undefined;
  /** A person has let one blocked sweep pass. */
  readonly allowed: boolean;
  /** The operator keeps its hands off at the moment, and why. */
  readonly held: string | undefined;
}

export interface Sides {
  readonly cluster: string;
  readonly management: Management;
  readonly snapshot: DownstreamSnapshot;
  /** By which tokens end: what is past by it is past by our clock and by the management plane's. Milliseconds since the epoch. */
  readonly nowMs: number;
  /** The later of the two clocks: what a person allowed is over when it is over by either. */
  readonly latestMs: number;
  /** The Cluster was confirmed not to exist by a live read. */
  readonly isGone: boolean;
}

/** The rank of a kind in the order of removal: without its ClusterAuthToken a Secret opens nothing. */
const ORDER = ['ClusterAuthToken', 'Secret', 'ClusterUserAttribute'];

/**
 * What the operator would take away in a cluster, judged by its own sweep. Replacements and repairs are no removals.
 *
 * Pure, but for what it was given to read.
 */
export function planRemovals(sides: Sides): RemovalPlan {
  const { cluster, management, isGone } = sides;
  const settings = clusterSettings(cluster, management, isGone, undefined);
  const plan = { cluster, blocked: undefined, allowed: false, held: undefined, removals: [] };
  const { course, grant } = settings;
  if (course.mode === 'hold') return { ...plan, held: course.message };
  const elsewhere = management.propagations.get(cluster)?.status.conditions?.find(isReplaced);
  if (elsewhere) return { ...plan, held: elsewhere.message };
  if (course.mode === 'drain') {
    return { ...plan, removals: inOrder(everything(sides, drainReason(course.reason))) };
  }
  const swept = planSweep(
    { name: cluster, spec: settings.spec, nowMs: sides.nowMs, isLeftOver: (key) => isLeftOver(key, sides) },
    sides.snapshot.observed,
    management,
    new DeletionEvidence(),
  );
  const { allowance, allowedAtMs } = grant;
  const isMeant = allowance !== undefined && !isExpired(allowedAtMs, sides.latestMs);
  const allowed = isMeant && (allowance === 'told' || (swept.blocked?.objects ?? 0) <= allowance);
  const orphans = new Set(swept.blocked && !allowed ? swept.orphans : []);
  const brake = (removal: Removal): Removal => ({
    ...removal,
    heldBack: orphans.has(removal.user === undefined ? tokenKey(removal.token ?? '') : userKey(removal.user)),
  });
  const tokens = tokenRemovals(sides, swept).map(brake);
  const users = userRemovals(sides, tokens).map(brake);
  return { ...plan, removals: inOrder([...tokens, ...users]), blocked: swept.blocked, allowed };
}

/** The management plane was just read: a Cluster that is not among what was read does not exist. */
function isLeftOver(key: string, { cluster, management, snapshot: { observed } }: Sides): boolean {
  const { kind, name } = parseKey(key);
  const ids = observed.idsOf(kind === 'token' ? observed.forToken(name) : [observed.forUser(name)]);
  return ids.size > 0 && [...ids].every((id) => id !== cluster && !management.clusters.get(id));
}

/** The operator reports that the credentials lead to another cluster: what is there is not judged by what is here. */
function isReplaced({ type, reason }: Pick<Condition, 'type' | 'reason'>): boolean {
  return type === 'Connected' && reason === 'ClusterReplaced';
}

const DRAIN_REASONS = ['ClusterDeleted', 'DrainRequested'] as const;

function drainReason(modeReason: string): RemovalReason {
  return DRAIN_REASONS.find((reason) => reason === modeReason) ?? 'AceDisabled';
}

function inOrder(removals: readonly Removal[]): readonly Removal[] {
  const rank = ({ object }: Removal): number => ORDER.indexOf(object.kind);
  return [...removals].sort((a, b) => rank(a) - rank(b) || (nameOf(a) < nameOf(b) ? -1 : 1));
}

const nameOf = ({ object }: Removal): string => object.metadata.name;

function everything(sides: Sides, reason: RemovalReason): readonly Removal[] {
  const { observed } = sides.snapshot;
  const { tokens, users } = observed.managed();
  return [
    ...[...tokens].flatMap((name) => ofToken(name, reason, sides)),
    ...[...users].flatMap((name) => ofUser(name, reason, sides)),
  ];
}

function tokenRemovals(sides: Sides, { revocations }: SweepPlan): readonly Removal[] {
  return [...sides.snapshot.observed.managed().tokens].flatMap((name) => {
    if (isUnjudged(name, sides)) return [];
    const reason = heldReason(tokenOf(name, sides), sides);
    // The sweep leaves it to the key's own turn to find out that a hash is of no use.
    const isRevoked = revocations.has(tokenKey(name)) || reason === 'UnsupportedHash';
    return isRevoked && reason !== undefined ? ofToken(name, reason, sides) : [];
  });
}

/** It was written for a token of a kind that may not be read here: nobody can say what became of that. */
function isUnjudged(name: string, { management, snapshot: { observed } }: Sides): boolean {
  return management.unread.has(EXT_TOKENS_WATCH) && observed.forToken(name).some(isOfExtToken);
}

function tokenOf(name: string, { cluster, management, nowMs, snapshot }: Sides): Token | undefined {
  return management.token(name, cluster, nowMs, snapshot.observed.apiOf(name));
}

function heldReason(token: Token | undefined, sides: Sides): RemovalReason | undefined {
  const ours = token ? oursOf(token.name, sides) : [];
  return tokenReason(token, token && sides.management.users.get(token.userName), ours, sides);
}

/**
 * Why a token does not belong there; undefined when it does.
 *
 * @param ours - what is ours of its name there
 */
export function tokenReason(
  token: Token | undefined,
  owner: User | undefined,
  ours: readonly KubeObject[],
  { cluster, nowMs }: Pick<Sides, 'cluster' | 'nowMs'>,
): RemovalReason | undefined {
  if (!token) return 'TokenNotFound';
  const verdict = judgeTokenThere(token, owner, { cluster, aceEnabled: true, nowMs }, ours);
  if (!verdict.wanted) return verdict.reason;
  const isUnverifiable = token.secret.kind === 'hashed' && detectFormat(token.secret.value) === undefined;
  return isUnverifiable ? 'UnsupportedHash' : undefined;
}

/**
 * ClusterUserAttributes that go. Without one all tokens of a user are refused, so nobody's is unused who may have a token that is
 * not read, nor while a ClusterAuthToken stays: the operator, too, waits for the last of them.
 *
 * @param tokens - what goes of tokens
 */
function userRemovals(sides: Sides, tokens: readonly Removal[]): readonly Removal[] {
  const { management, snapshot } = sides;
  const { observed } = snapshot;
  const needed = neededUsers(sides);
  const going = new Set(tokens.filter(({ heldBack }) => !heldBack).map(({ token }) => token));
  const isUnread = management.unread.has(EXT_TOKENS_WATCH);
  const isUnused = (name: string): boolean =>
    !isUnread && !needed.has(name) && observed.tokenNamesOfUser(name).every((token) => going.has(token));
  return [...observed.managed().users].flatMap((name) => {
    if (!management.users.get(name)) return ofUser(name, 'UserNotFound', sides);
    return isUnused(name) ? ofUser(name, 'UserUnused', sides) : [];
  });
}

/** Who has a token that is wanted there. */
function neededUsers(sides: Sides): ReadonlySet<string> {
  const { management, cluster, nowMs } = sides;
  const wanted = management
    .tokensOfCluster(cluster)
    // Of two of one name only one is there.
    .filter((token) => management.token(token.name, cluster, nowMs) === token)
    .filter((token) => heldReason(token, sides) === undefined);
  return new Set(wanted.map(({ userName }) => userName));
}

function ofToken(name: string, reason: RemovalReason, sides: Sides): readonly Removal[] {
  const source = { token: name, api: sides.snapshot.observed.apiOf(name), user: undefined };
  return oursOf(name, sides).map((object) => removalOf(object, reason, source, sides));
}

/** What is there of a token, and ours. */
function oursOf(name: string, { snapshot: { observed } }: Sides): readonly KubeObject[] {
  return observed.forToken(name).filter((object) => observed.isOurs(object));
}

function ofUser(name: string, reason: RemovalReason, sides: Sides): readonly Removal[] {
  const { observed } = sides.snapshot;
  const object = observed.forUser(name);
  if (!object || !observed.isOurs(object)) return [];
  return [removalOf(object, reason, { token: undefined, api: undefined, user: name }, sides)];
}

function removalOf(
  object: KubeObject,
  reason: RemovalReason,
  source: Pick<Removal, 'token' | 'api' | 'user'>,
  { snapshot }: Sides,
): Removal {
  return {
    ...source,
    object,
    reason,
    heldBack: false,
    createdAtMs: snapshot.createdAtMs.get(object.metadata.uid ?? ''),
    lastUsedAtMs: source.token === undefined ? undefined : snapshot.lastUsedAtMs.get(source.token),
  };
}
