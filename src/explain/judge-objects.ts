import { HOP_TEXTS, READ_TEXTS } from '../api/hop-reason-texts.ts';
import type { ClusterAuthToken, ClusterUserAttribute } from '../api/parse-downstream.ts';
import { DENIAL_TEXTS, USER_TEXTS } from '../api/reason-texts.ts';
import type { KubeObject, Propagation, Token, User } from '../api/types.ts';
import { judgeHeld } from '../authenticator/judge.ts';
import { desiredTokenObjects, desiredUserObject } from '../derive/desired.ts';
import { judgeToken } from '../derive/verdict.ts';
import type { Seen } from '../plane/downstream.ts';
import { known, type Reading } from '../plane/reading.ts';
import { shortened } from '../print/printable.ts';
import type { Evidence } from './evidence.ts';
import { broken, flawed, type Hop, type HopId, ok, skipped, unseen } from './hop.ts';
import { isStockAlone } from './judge-webhook.ts';
import { isEnabledUpstream, orSuspended, refusalOf } from './refusal.ts';
import { whyAbsent } from './why-absent.ts';
import { judgeWritten, otherWriterOf } from './written.ts';

/** What the cluster holds for the token and its user: there, current, ours. Pure. */
export function judgeObjects(evidence: Evidence): readonly Hop[] {
  return [
    clusterAuthToken(evidence),
    hash(evidence),
    userAttribute(evidence),
    secret(evidence),
    groups(evidence),
  ];
}

/** Nothing to judge by: it was not asked for, or there was no answer. */
function unread(
  id: HopId,
  read: Reading<unknown> | undefined,
  { way }: Evidence['downstream'],
): Hop | undefined {
  if (!read)
    return way && !way.ok
      ? unseen(id, 'the cluster was not reached')
      : skipped(id, 'the cluster was not asked');
  if (read.ok) return undefined;
  const { reason, message } = read.failure;
  // Said once, by the hop that reaches the cluster.
  if (reason === 'KindMissing') return broken(id, 'KindMissing', READ_TEXTS, message);
  return reason === 'Forbidden'
    ? flawed(id, 'unknown', reason, READ_TEXTS, message)
    : unseen(id, 'the cluster was not reached');
}

function clusterAuthToken(evidence: Evidence): Hop {
  const id = 'clusterAuthToken';
  const read = evidence.downstream.clusterAuthToken;
  const none = unread(id, read, evidence.downstream);
  if (none || !read?.ok) return none ?? unseen(id, 'the cluster was not reached');
  const refusal = refusalOf(evidence);
  if (!read.value) return absent(evidence, refusal);
  if (refusal) {
    return notRevoked(refusal, evidence);
  }
  return present(read.value, evidence);
}

function notRevoked(refusal: string, evidence: Evidence): Hop {
  const there = `still there although the management plane says ${refusal}`;
  const writer = otherWriterOf(evidence);
  if (writer === undefined)
    return broken(
      'clusterAuthToken',
      'NotRevoked',
      HOP_TEXTS,
      `${there}; the operator takes it away when it can`,
    );
  const detail = `${there}; it was written by ${writer}, so the operator leaves it alone`;
  const remedy = `look at the log of ${writer}, which has to take it away; until then the cluster may let it in`;
  return { ...broken('clusterAuthToken', 'NotRevoked', HOP_TEXTS, detail), remedy };
}

function absent(evidence: Evidence, refusal: string | undefined): Hop {
  const id = 'clusterAuthToken';
  const { management, target } = evidence;
  if (refusal) return skipped(id, `not there, as it should be (${refusal})`);
  const token = known(management.token);
  if (!token) {
    return broken(id, 'UnknownToken', DENIAL_TEXTS, 'the cluster holds no ClusterAuthToken of that name');
  }
  const why = reported(known(management.propagation));
  const detail = `it is not in ${target.cluster ?? 'the cluster'} yet; ${why}`;
  return whyAbsent(id, token, evidence) ?? broken(id, 'NotPropagated', HOP_TEXTS, detail);
}

function reported(propagation: Propagation | undefined): string {
  const ready = propagation?.status.conditions?.find(({ type }) => type === 'Ready');
  if (!ready) return 'no operator reports on this cluster';
  return ready.status === 'True'
    ? `the operator reports ${ready.reason}: if this stays, it does not run`
    : `the operator reports ${ready.reason}: ${ready.message}`;
}

function present(seen: Seen<ClusterAuthToken>, evidence: Evidence): Hop {
  const id = 'clusterAuthToken';
  const alone = judgeHeld(
    // Only the token itself is judged here: as if its user and hash were in order.
    {
      token: { ...seen.parsed, hash: 'present' },
      secret: undefined,
      user: { ...NOBODY, name: seen.parsed.userName },
    },
    evidence.nowMs,
  );
  const token = known(evidence.management.token);
  const desired = token && desiredToken(token, evidence);
  const told = `there, enabled${desired ? ', current' : ''}`;
  const hop = orSuspended(judgeWritten(id, seen.object, desired, told, evidence), evidence);
  if (alone.kind !== 'refused') return hop;
  // Where the Token says otherwise, that is what is wrong. What goes cannot be brought up to date.
  if (desired && hop.state === 'broken' && alone.reason !== 'TokenDeleting') return hop;
  return broken(id, alone.reason, DENIAL_TEXTS, DENIAL_TEXTS[alone.reason].meaning);
}

const NOBODY = {
  namespace: '',
  uid: '',
  resourceVersion: '',
  enabled: true,
  deleting: false,
  groups: [],
  lastRefresh: '',
  needsRefresh: false,
  extraByProvider: undefined,
};

const NOBODY_UPSTREAM: User = {
  ...{ name: '', namespace: '', uid: '', resourceVersion: '' },
  ...{ deleting: false, enabled: true, problem: undefined },
};

const placementOf = ({ target: { cluster = '' }, downstream: { namespace } }: Evidence) => ({
  ...{ cluster, namespace, storage: 'secret' as const },
});

function desiredToken(token: Token, evidence: Evidence): KubeObject | undefined {
  const { management, nowMs } = evidence;
  const placement = placementOf(evidence);
  const { cluster } = placement;
  // Who the user is makes no difference to the object.
  const user = known(management.user) ?? (management.user?.ok === false ? NOBODY_UPSTREAM : undefined);
  const verdict = judgeToken(token, user, { cluster, aceEnabled: true, nowMs });
  if (!verdict.wanted) return undefined;
  return desiredTokenObjects(token, verdict.expiresAtMs, { hash: '', fingerprint: '' }, placement).at(-1);
}

function hash(evidence: Evidence): Hop {
  const id = 'hash';
  const { downstream } = evidence;
  const token = known(downstream.clusterAuthToken);
  const none = unread(id, downstream.hashSecret, downstream);
  if (none) return none;
  if (!token) return skipped(id, 'without a ClusterAuthToken there is none to look at');
  const held = judgeHeld(
    {
      token: { ...token.parsed, deleting: false, enabled: true, expiresAt: undefined },
      secret: known(downstream.hashSecret)?.parsed,
      user: { ...NOBODY, name: '' },
    },
    evidence.nowMs,
  );
  if (held.kind === 'refused') {
    const missing = broken(id, held.reason, DENIAL_TEXTS, 'no hash of this token is in the cluster');
    return orSuspended(missing, evidence);
  }
  return storedHash(evidence, token.parsed.hash !== '');
}

function storedHash(evidence: Evidence, isInline: boolean): Hop {
  const id = 'hash';
  const {
    hash: { format, isOfToken },
    downstream,
    webhook,
  } = evidence;
  const place = isInline ? 'inline in the ClusterAuthToken' : 'in its Secret';
  if (!format) return broken(id, 'UnsupportedHash', DENIAL_TEXTS, `the hash ${place} is of no known format`);
  if (format === 'bcrypt' && isStockAlone(downstream.daemonSets, webhook.probe)) {
    return broken(
      id,
      'CannotVerify',
      HOP_TEXTS,
      `${format} ${place}, and only kube-api-auth is there to verify it`,
    );
  }
  if (isOfToken === false)
    return orSuspended(
      broken(id, 'Outdated', HOP_TEXTS, `the hash ${place} is not of the Token's secret`),
      evidence,
    );
  return ok(id, `${format}, ${place}${isOfToken ? ", of the Token's secret" : ''}`);
}

function userAttribute(evidence: Evidence): Hop {
  const id = 'userAttribute';
  const { downstream, management } = evidence;
  const read = downstream.userAttribute;
  const none = unread(id, read, downstream);
  if (none) return none;
  const seen = known(read);
  if (!known(downstream.clusterAuthToken))
    return skipped(id, 'without a ClusterAuthToken there is none to look at');
  if (!seen) {
    const detail = 'the cluster holds no ClusterUserAttribute of the user';
    return orSuspended(broken(id, 'UnknownUser', DENIAL_TEXTS, detail), evidence);
  }
  const { parsed, object } = seen;
  if (parsed.deleting) {
    const detail = `the ClusterUserAttribute of ${parsed.name} is being deleted`;
    return broken(id, 'UserDeleting', DENIAL_TEXTS, detail);
  }
  if (!parsed.enabled && !isEnabledUpstream(evidence)) {
    const detail = `the ClusterUserAttribute of ${parsed.name} is not enabled`;
    return broken(id, 'UserDisabled', DENIAL_TEXTS, detail);
  }
  const desired = desiredUser(parsed, management, evidence);
  const told = `of ${parsed.name}: there, enabled${desired ? ', current' : whyNotCompared(management)}`;
  return orSuspended(judgeWritten(id, object, desired, told, evidence), evidence);
}

/** As far as it can be told; where groups cannot, whether its user is let in is all that is compared, and only where it matters. */
function desiredUser(
  { enabled, lastRefresh }: ClusterUserAttribute,
  { user: read, attribute }: Evidence['management'],
  evidence: Evidence,
): KubeObject | undefined {
  const user = known(read);
  if (!user) return undefined;
  const isReadable = attribute?.ok === true && attribute.value?.problem === undefined;
  if (isReadable) return desiredUserObject(user, known(attribute), placementOf(evidence), lastRefresh);
  if (enabled) return undefined;
  const { apiVersion, kind, metadata } = desiredUserObject(
    user,
    undefined,
    placementOf(evidence),
    lastRefresh,
  );
  return { apiVersion, kind, metadata, enabled: true };
}

/** Where there is a management plane that does not say. */
function whyNotCompared({ attribute }: Evidence['management']): string {
  return attribute?.ok === false ? `; not compared: ${attribute.failure.message}` : '';
}

function secret({ given, hash: { isOfBearer, isBearerOfToken } }: Evidence): Hop {
  const id = 'secret';
  if (given.kind === 'name')
    return skipped(id, 'no bearer at hand: give --kubeconfig-file to have it checked');
  if (given.credential.kind !== 'ours') return skipped(id, 'there is no secret to check');
  const isRight = isOfBearer ?? isBearerOfToken;
  if (isRight === undefined) return unseen(id, 'no hash was read that it could be checked against');
  if (!isRight) {
    const of = isOfBearer === false ? 'the hash in the cluster' : 'the Token';
    return broken(id, 'WrongSecret', DENIAL_TEXTS, `the secret in the kubeconfig is not the one of ${of}`);
  }
  return ok(
    id,
    `against ${isOfBearer === undefined ? "the management plane's Token" : 'the hash in the cluster'}`,
  );
}

function groups({ management, downstream }: Evidence): Hop {
  const id = 'groups';
  const held = known(downstream.userAttribute)?.parsed.groups;
  const attribute = management.attribute;
  const list = held ?? known(attribute)?.groups;
  if (attribute?.ok && (!attribute.value || attribute.value.problem !== undefined)) {
    return flawed(
      id,
      'warning',
      'GroupsUnknown',
      USER_TEXTS,
      'the user has no UserAttribute that can be read; the token works without groups',
    );
  }
  if (!list) return unseen(id, 'neither UserAttribute nor ClusterUserAttribute was read');
  const text = list.length === 0 ? 'none' : shortened(list, GROUPS);
  return { ...ok(id, text), items: list };
}

/** A person can be in thousands of groups: enough to see whose they are. */
const GROUPS = { items: 20, characters: 200 };
