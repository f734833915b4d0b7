import { USERS } from '../../api/names.ts';
import type { KubeObject, Token, User, UserAttribute } from '../../api/types.ts';
import { desiredUserObject, revocationsOf } from '../../derive/desired.ts';
import { diff } from '../../derive/diff.ts';
import { judgeToken } from '../../derive/verdict.ts';
import { done, type Result, requeueAfter } from '../decide/result.ts';
import { tokenKey, userKey } from '../keys.ts';
import type { Outcome } from '../report/outcomes.ts';
import { confirmAbsence } from './absence.ts';
import type { ConnectedContext } from './cluster-context.ts';
import { write } from './write.ts';

/** After someone else's object was in the way: it may have gone without an event reaching us. */
const CONFLICT_RETRY_MS = 60_000;

/**
 * Makes one user's ClusterUserAttribute match: there when the user has a wanted token here, current, and
 * gone when no live token is left. Safe to repeat.
 *
 * A deleted user loses it first of all: that one write refuses every token at once.
 */
export async function reconcileUser(name: string, cluster: ConnectedContext): Promise<Result> {
  const { observed } = cluster.connection;
  const current = observed.forUser(name);
  const ours = current && observed.isOurs(current) ? current : undefined;
  if (cluster.mode === 'drain') return remove(name, ours, cluster);
  const user = cluster.management.users.get(name);
  if (!user) return removeDeleted(name, ours, cluster);
  // While ClusterAuthTokens of the user are still there, what they mean must be kept current: one may be wanted again.
  const isDone = observed.tokenNamesOfUser(name).length === 0;
  if (!isNeeded(user, cluster) && (isDone || !ours)) return remove(name, ours, cluster);
  if (current && !ours && !cluster.spec.adopt) return conflict(name, cluster);
  return update(user, current, cluster);
}

async function update(
  user: User,
  current: KubeObject | undefined,
  cluster: ConnectedContext,
): Promise<Result> {
  const key = userKey(user.name);
  const { connection } = cluster;
  const attribute = cluster.management.attributes.get(user.name);
  const version = `${user.resourceVersion}/${attribute?.resourceVersion ?? ''}`;
  const lastRefresh =
    current && typeof current['lastRefresh'] === 'string' ? current['lastRefresh'] : undefined;
  const desired = desiredUserObject(
    user,
    attribute,
    { cluster: cluster.name, namespace: cluster.downstreamNamespace, storage: cluster.storage },
    lastRefresh,
  );
  const changes = diff([desired], current ? [current] : []);
  if (changes.length > 0 && cluster.isPaused) return revokeOnly(desired, current, cluster);
  if (changes.length === 0) {
    const isConfirmed = connection.observed.isUserConfirmed(user.name);
    cluster.outcomes.set(key, isConfirmed ? synced(version, attribute) : { state: 'pending' });
    return done;
  }
  noticeRepair(user.name, version, cluster);
  cluster.outcomes.set(key, { state: 'pending' });
  const result = await write(changes, cluster);
  if (result.kind === 'conflict') return conflict(user.name, cluster);
  return result.kind === 'stale' ? requeueAfter(0, !user.enabled) : done;
}

/** A suspended cluster: the user may lose groups, or be disabled, and gains nothing. */
async function revokeOnly(
  desired: KubeObject,
  current: KubeObject | undefined,
  cluster: ConnectedContext,
): Promise<Result> {
  if (current) await write(diff([revocationsOf(desired, current)], [current]), cluster);
  // Not before: what is waiting for a person ends the clocks of lag.ts.
  cluster.outcomes.set(userKey(desired.metadata.name), { state: 'pending', reason: 'Suspended' });
  return done;
}

function synced(version: string, attribute: UserAttribute | undefined): Outcome {
  const isKnown = attribute !== undefined && attribute.problem === undefined;
  return { state: 'synced', version, ...(isKnown ? {} : { note: 'GroupsUnknown' }) };
}

/** What was in sync for these very versions and has to be written again was changed down there. */
function noticeRepair(name: string, version: string, cluster: ConnectedContext): void {
  const before = cluster.outcomes.get(userKey(name));
  if (before?.state !== 'synced' || before.version !== version) return;
  cluster.notifyCluster({
    reason: 'Repaired',
    message: `ClusterUserAttribute ${name} was changed or deleted in the cluster and is being restored`,
    warning: true,
  });
}

function conflict(name: string, cluster: ConnectedContext): Result {
  cluster.outcomes.set(userKey(name), {
    state: 'failed',
    reason: 'Conflict',
    message: `ClusterUserAttribute ${name} was not written by this operator; remove it, or set spec.adopt`,
  });
  // Pairs beside it would be judged by groups and switches that are not ours.
  for (const token of cluster.connection.observed.tokenNamesOfUser(name)) {
    cluster.queue.add(tokenKey(token), 'revocation');
  }
  return requeueAfter(CONFLICT_RETRY_MS);
}

async function removeDeleted(
  name: string,
  ours: KubeObject | undefined,
  cluster: ConnectedContext,
): Promise<Result> {
  const key = userKey(name);
  if (!ours) {
    settleAbsence(name, false, cluster);
    return done;
  }
  const absence = await confirmAbsence([key], { resource: USERS, name }, cluster);
  if (absence.kind === 'present') return absence.result;
  if (absence.kind === 'blocked') {
    cluster.outcomes.set(key, { state: 'pending', reason: 'GCBlocked' });
    return done;
  }
  await write(diff([], [ours]), cluster);
  cluster.outcomes.set(key, { state: 'pending' });
  for (const token of cluster.connection.observed.tokenNamesOfUser(name)) {
    cluster.queue.add(tokenKey(token), 'revocation');
  }
  return done;
}

/** Not before the user's last ClusterAuthToken is seen to be gone: that deletion brings this key back. */
async function remove(
  name: string,
  ours: KubeObject | undefined,
  cluster: ConnectedContext,
): Promise<Result> {
  if (ours && cluster.connection.observed.tokenNamesOfUser(name).length > 0) return done;
  if (ours) await write(diff([], [ours]), cluster);
  settleAbsence(name, ours !== undefined, cluster);
  return done;
}

/** It counts as gone once the watch, too, has told so. */
function settleAbsence(name: string, wasThere: boolean, cluster: ConnectedContext): void {
  const key = userKey(name);
  if (wasThere || !cluster.connection.observed.isUserConfirmed(name))
    cluster.outcomes.set(key, { state: 'pending' });
  else cluster.outcomes.delete(key);
}

/** Whether any token of the user belongs here. */
function isNeeded(user: User, cluster: ConnectedContext): boolean {
  const context = { cluster: cluster.name, aceEnabled: true, nowMs: cluster.now() };
  return cluster.management
    .tokensOfUser(user.name)
    .some(
      (token) =>
        token.clusterName === cluster.name && judgeToken(token, user, context).wanted && !isHopeless(token),
    );

  /** Wanted, and yet it cannot be written: its hash, or someone else's object, is in the way. */
  function isHopeless(token: Token): boolean {
    const outcome = cluster.outcomes.get(tokenKey(token.name));
    return outcome?.state === 'refused' && outcome.reason !== 'UserDisabled';
  }
}
