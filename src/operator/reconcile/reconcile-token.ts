import { CLUSTER_USER_ATTRIBUTES, TOKENS, USERS } from '../../api/names.ts';
import type { TokenReason } from '../../api/reasons.ts';
import type { KubeObject, Token } from '../../api/types.ts';
import { desiredTokenObjects } from '../../derive/desired.ts';
import { type Change, diff } from '../../derive/diff.ts';
import { judgeToken, type TokenVerdict } from '../../derive/verdict.ts';
import { done, type Result, requeueAfter } from '../decide/result.ts';
import { tokenKey, userKey } from '../keys.ts';
import { confirmAbsence } from './absence.ts';
import type { ConnectedContext } from './cluster-context.ts';
import { isStillTaken, strangersObject } from './in-the-way.ts';
import { endPredecessor } from './predecessor.ts';
import { reconcileUser } from './reconcile-user.ts';
import { chooseHash } from './token-hashes.ts';
import { write } from './write.ts';

/** How soon a token that moves to another cluster is looked at again; that cluster's success does not wake us. */
const MOVING_POLL_MS = 250;
/** After someone else's object was in the way: Secrets that are not ours are not watched. */
const CONFLICT_RETRY_MS = 60_000;

/** Makes one token on one cluster match its desired state: read, derive, diff, apply. Safe to repeat. */
export async function reconcileToken(name: string, cluster: ConnectedContext): Promise<Result> {
  const { observed } = cluster.connection;
  const present = observed.forToken(name);
  const ours = present.filter((object) => observed.isOurs(object));
  const token = cluster.management.tokens.get(name);
  if (cluster.mode === 'drain') return revoke(name, ours, cluster);
  if (!token) return revokeDeleted(name, ours, cluster);
  const verdict = judgeToken(token, cluster.management.users.get(token.userName), {
    cluster: cluster.name,
    aceEnabled: true,
    nowMs: cluster.now(),
  });
  if (!verdict.wanted) return refuse(token, verdict.reason, ours, cluster);
  const stranger = strangersObject(token, present, cluster);
  if (stranger) {
    // A pair beside a stranger's ClusterUserAttribute would be judged by groups and switches that are not ours.
    if (stranger.kind === CLUSTER_USER_ATTRIBUTES.kind) await takeAway(name, ours, cluster);
    return conflict(token, `${stranger.kind} ${stranger.metadata.name}`, cluster);
  }
  return propagate(token, verdict, present, cluster);
}

type Wanted = Extract<TokenVerdict, { wanted: true }>;

async function propagate(
  token: Token,
  verdict: Wanted,
  present: readonly KubeObject[],
  cluster: ConnectedContext,
): Promise<Result> {
  const choice = chooseHash(token, present, cluster);
  // What our own algorithm cannot take says nothing about the token: a paused cluster keeps what it has.
  const isOurLimit = choice.kind === 'refused' && choice.reason !== 'UnsupportedHash';
  if (isOurLimit && cluster.isPaused) return waitPaused(token, verdict, cluster);
  if (choice.kind === 'refused') {
    // With adoption on, `present` holds others' objects too: to take over is not to take away.
    const ours = present.filter((object) => cluster.connection.observed.isOurs(object));
    return refuse(token, choice.reason, ours, cluster, choice.message);
  }
  if (choice.kind === 'pending') {
    cluster.outcomes.set(tokenKey(token.name), { state: 'pending', reason: 'HashPending' });
    await endPredecessor(token, cluster);
    return atExpiry(verdict, cluster);
  }
  const placement = {
    cluster: cluster.name,
    namespace: cluster.downstreamNamespace,
    storage: cluster.storage,
  };
  const desired = desiredTokenObjects(token, verdict.expiresAtMs, choice.hash, placement);
  const changes = diff(desired, present);
  if (changes.length === 0) return settle(token, verdict, cluster);
  return change(token, verdict, changes, cluster);
}

async function change(
  token: Token,
  verdict: Wanted,
  changes: readonly Change[],
  cluster: ConnectedContext,
): Promise<Result> {
  const key = tokenKey(token.name);
  if (cluster.isPaused) return waitPaused(token, verdict, cluster);
  if (await isStillTaken(token, cluster)) return conflict(token, `Secret ${token.name}`, cluster);
  noticeRepair(token, cluster);
  cluster.outcomes.set(key, { state: 'pending' });
  // ClusterUserAttribute, Secret, ClusterAuthToken: at no moment can the authenticator see half.
  if (!(await hasOwnAttribute(token.userName, cluster))) {
    return conflict(token, `ClusterUserAttribute ${token.userName}`, cluster);
  }
  const result = await write(changes, cluster);
  if (result.kind === 'stale') return requeueAfter(0);
  if (result.kind !== 'conflict') return atExpiry(verdict, cluster);
  // Our half of the pair must not complete a stranger's.
  const { observed } = cluster.connection;
  await write(
    diff(
      [],
      observed.forToken(token.name).filter((object) => observed.isOurs(object)),
    ),
    cluster,
  );
  return conflict(token, result.object, cluster);
}

/** A suspended cluster: what is down there stays, unless it is of an earlier token or of an earlier secret. */
async function waitPaused(token: Token, verdict: Wanted, cluster: ConnectedContext): Promise<Result> {
  await endPredecessor(token, cluster);
  // Not before: what is waiting for a person ends the clocks of lag.ts.
  cluster.outcomes.set(tokenKey(token.name), { state: 'pending', reason: 'Suspended' });
  return atExpiry(verdict, cluster);
}

/** Makes sure of the user's ClusterUserAttribute. @returns false when it is someone else's */
async function hasOwnAttribute(user: string, cluster: ConnectedContext): Promise<boolean> {
  const { observed } = cluster.connection;
  const current = observed.forUser(user);
  if (current) return observed.isOurs(current) || cluster.spec.adopt;
  await reconcileUser(user, cluster);
  return cluster.outcomes.get(userKey(user))?.state !== 'failed';
}

/** Nothing is left to do; it counts as synced once the watch, too, has told so. */
function settle(token: Token, verdict: Wanted, cluster: ConnectedContext): Result {
  const key = tokenKey(token.name);
  if (!cluster.connection.observed.isTokenConfirmed(token.name)) {
    cluster.outcomes.set(key, { state: 'pending' });
    return atExpiry(verdict, cluster);
  }
  const before = cluster.outcomes.get(key);
  if (before?.state === 'pending' && before.reason === undefined) {
    cluster.notify(token, {
      reason: 'Propagated',
      message: `Token ${token.name} is usable in cluster ${cluster.name}`,
      warning: false,
    });
  }
  cluster.outcomes.set(
    key,
    verdict.userDisabled
      ? { state: 'refused', reason: 'UserDisabled' }
      : { state: 'synced', version: token.resourceVersion },
  );
  // The name is settled: the result of hashing is downstream now, and need not be kept.
  cluster.hashes.forget(token.uid);
  return atExpiry(verdict, cluster);
}

/** Rule: a token that was in sync for this very version and has to be written again was changed down there. */
function noticeRepair(token: Token, cluster: ConnectedContext): void {
  const before = cluster.outcomes.get(tokenKey(token.name));
  if (before?.state !== 'synced' || before.version !== token.resourceVersion) return;
  cluster.notify(token, {
    reason: 'Repaired',
    message: `Objects of Token ${token.name} in cluster ${cluster.name} were changed or deleted there and are being restored`,
    warning: true,
  });
}

/** A token that exists but does not belong here: whatever we wrote for it goes. */
async function refuse(
  token: Token,
  reason: TokenReason,
  ours: readonly KubeObject[],
  cluster: ConnectedContext,
  message?: string,
): Promise<Result> {
  const key = tokenKey(token.name);
  const obstacle = ours.length > 0 ? await obstacleTo(token, reason, cluster) : undefined;
  if (obstacle) return obstacle;
  // The cluster that a token was moved to may be waiting for that very hash.
  if (reason !== 'OtherCluster') cluster.hashes.forget(token.uid);
  const isGone = await takeAway(token.name, ours, cluster);
  cluster.queue.add(userKey(token.userName), 'normal');
  if (!isGone) return done;
  if (reason === 'OtherCluster' || reason === 'NotScoped') cluster.outcomes.delete(key);
  else noteRefusal(token, reason, cluster, message ?? token.problem);
  return done;
}

/** Why what is down there must stay for now: its user may exist after all, or its new cluster not have it yet. */
async function obstacleTo(
  token: Token,
  reason: TokenReason,
  cluster: ConnectedContext,
): Promise<Result | undefined> {
  if (reason === 'OtherCluster')
    return cluster.isMoving(token) ? requeueAfter(MOVING_POLL_MS, true) : undefined;
  if (reason !== 'UserNotFound') return undefined;
  const key = tokenKey(token.name);
  await endPredecessor(token, cluster);
  const user = { resource: USERS, name: token.userName };
  const absence = await confirmAbsence([userKey(token.userName), key], user, cluster);
  if (absence.kind === 'present') return absence.result;
  if (absence.kind === 'confirmed') return undefined;
  cluster.outcomes.set(key, { state: 'pending', reason: 'GCBlocked' });
  return done;
}

function noteRefusal(token: Token, reason: TokenReason, cluster: ConnectedContext, message?: string): void {
  const key = tokenKey(token.name);
  const before = cluster.outcomes.get(key);
  const isNew = before?.state !== 'refused' || before.reason !== reason;
  cluster.outcomes.set(key, { state: 'refused', reason, ...(message ? { message } : {}) });
  if (!isNew) return;
  cluster.notify(token, {
    reason,
    message: `Token ${token.name} is refused in cluster ${cluster.name}: ${reason}${message ? ` (${message})` : ''}`,
    warning: WARNINGS.has(reason),
  });
}

/** What a person did not ask for. The others are the ordinary end of a token. */
const WARNINGS: ReadonlySet<TokenReason> = new Set([
  'Malformed',
  'UnsupportedHash',
  'SecretTooLong',
  'Conflict',
]);

function conflict(token: Token, object: string, cluster: ConnectedContext): Result {
  noteRefusal(
    token,
    'Conflict',
    cluster,
    `${object} was not written by this operator; remove it, or set spec.adopt`,
  );
  return requeueAfter(CONFLICT_RETRY_MS);
}

async function revokeDeleted(
  name: string,
  ours: readonly KubeObject[],
  cluster: ConnectedContext,
): Promise<Result> {
  if (ours.length === 0) return revoke(name, ours, cluster);
  const key = tokenKey(name);
  const absence = await confirmAbsence([key], { resource: TOKENS, name }, cluster);
  if (absence.kind === 'present') return absence.result;
  if (absence.kind === 'confirmed') return revoke(name, ours, cluster);
  cluster.outcomes.set(key, { state: 'pending', reason: 'GCBlocked' });
  return done;
}

async function revoke(name: string, ours: readonly KubeObject[], cluster: ConnectedContext): Promise<Result> {
  const isGone = await takeAway(name, ours, cluster);
  for (const object of ours) {
    const userName = object['userName'];
    if (typeof userName === 'string') cluster.queue.add(userKey(userName), 'normal');
  }
  if (isGone) cluster.outcomes.delete(tokenKey(name));
  return done;
}

/** @returns true when nothing was there to take, and the watch has told so: until then it is pending */
async function takeAway(
  name: string,
  ours: readonly KubeObject[],
  cluster: ConnectedContext,
): Promise<boolean> {
  if (ours.length === 0 && cluster.connection.observed.isTokenConfirmed(name)) return true;
  // Until it is done the status must not call it synced: the cluster may fail us half-way.
  cluster.outcomes.set(tokenKey(name), { state: 'pending' });
  await write(diff([], ours), cluster);
  return false;
}

/** The key comes back by itself when the token expires. */
function atExpiry(verdict: Wanted, cluster: ConnectedContext): Result {
  if (verdict.expiresAtMs === undefined) return done;
  return requeueAfter(Math.max(0, verdict.expiresAtMs - cluster.now()), true);
}
