import { HOP_TEXTS, READ_TEXTS } from '../api/hop-reason-texts.ts';
import { isObjectName } from '../api/names.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import type { Cluster, Token, User } from '../api/types.ts';
import { effectiveExpiryMs, formatTime } from '../derive/expiry.ts';
import type { Reading } from '../plane/reading.ts';
import { age, humanDuration } from '../print/duration.ts';
import { type Evidence, type Given, proxiedBy } from './evidence.ts';
import { broken, flawed, type Hop, type HopId, ok, skipped, unseen } from './hop.ts';

/** What the management plane says of the token, its user, and its scope. Pure. */
export function judgeToken(evidence: Evidence): readonly Hop[] {
  const { nowMs, management, target } = evidence;
  const token = management.token?.ok ? management.token.value : undefined;
  const about = (id: HopId, judge: (found: Token) => Hop): Hop => {
    if (token) return judge(token);
    const isAbsent = management.token?.ok === true;
    return isAbsent || !management.token
      ? skipped(id, 'there is no Token to look at')
      : unseen(id, 'the Token was not read');
  };
  return [
    parsed(evidence.given),
    found(management.token, nowMs),
    about('expiry', (it) => expiry(it, nowMs)),
    about('enabled', enabled),
    about('user', (it) => user(it, management.user)),
    about('scope', (it) =>
      it.clusterName === '' && proxiedBy(evidence.given) !== undefined
        ? ok('scope', 'not scoped to a cluster: good for each of them by way of the management plane')
        : scope(it, target.cluster, management.cluster),
    ),
  ];
}

function parsed(given: Given): Hop {
  if (given.kind === 'name') {
    return isObjectName(given.name)
      ? ok('parsed', `${given.name} is a name that a token can have`)
      : broken('parsed', 'MalformedName', HOP_TEXTS, 'what was given cannot be the name of a Token');
  }
  const { credential, source, bearerProblem } = given;
  if (bearerProblem)
    return broken('parsed', 'MalformedBearer', HOP_TEXTS, `${source} holds a bearer that ${bearerProblem}`);
  switch (credential.kind) {
    case 'ours':
      return ok('parsed', `${source} holds a bearer of token ${credential.prefix}${credential.name}`);
    case 'foreign':
      return broken('parsed', 'ForeignBearer', HOP_TEXTS, `${source} holds a bearer that is no NAME:SECRET`);
    case 'other':
      return broken('parsed', 'NoBearer', HOP_TEXTS, `${source} holds ${credential.what}, no bearer`);
  }
}

function found(token: Reading<Token | undefined> | undefined, nowMs: number): Hop {
  if (!token) return skipped('token', 'there is no name to look for');
  if (!token.ok) return flawed('token', 'unknown', token.failure.reason, READ_TEXTS, token.failure.message);
  const { value } = token;
  if (!value)
    return broken(
      'token',
      'TokenNotFound',
      HOP_TEXTS,
      'the management plane has no Token of that name, nor one of ext.cattle.io',
    );
  if (value.problem !== undefined) return broken('token', 'Malformed', TOKEN_TEXTS, value.problem);
  if (value.secret.kind === 'missing') {
    const field = value.api === 'ext' ? '`data.hash` of its Secret' : 'its field `token`';
    return broken('token', 'HashPending', TOKEN_TEXTS, `${field} is empty`);
  }
  const used =
    value.lastUsedAtMs === undefined ? 'never used' : `last used ${age(value.lastUsedAtMs, nowMs)} ago`;
  const kind = value.api === 'ext' ? 'of ext.cattle.io, ' : '';
  return ok(
    'token',
    `${kind}of user ${value.userName}, created ${age(value.createdAtMs, nowMs)} ago, ${used}`,
  );
}

function expiry(token: Token, nowMs: number): Hop {
  const endsAtMs = effectiveExpiryMs(token);
  if (endsAtMs === undefined) return ok('expiry', 'never expires');
  const at = formatTime(endsAtMs);
  if (endsAtMs > nowMs) return ok('expiry', `expires in ${humanDuration(endsAtMs - nowMs)} (${at})`);
  return broken('expiry', 'Expired', TOKEN_TEXTS, `expired ${humanDuration(nowMs - endsAtMs)} ago (${at})`);
}

function enabled(token: Token): Hop {
  if (token.deleting) return broken('enabled', 'Deleting', TOKEN_TEXTS, 'the Token is being deleted');
  if (token.problem !== undefined) return unseen('enabled', 'the Token cannot be read as a whole');
  return token.enabled
    ? ok('enabled', 'the Token is enabled')
    : broken('enabled', 'Disabled', TOKEN_TEXTS, '`enabled` of the Token is false');
}

function user(token: Token, read: Reading<User | undefined> | undefined): Hop {
  const name = token.userName;
  if (!read) return unseen('user', 'the Token names no user');
  if (!read.ok) return flawed('user', 'unknown', read.failure.reason, READ_TEXTS, read.failure.message);
  const { value } = read;
  if (!value) return broken('user', 'UserNotFound', TOKEN_TEXTS, `there is no User ${name}`);
  if (value.deleting) return broken('user', 'UserNotFound', TOKEN_TEXTS, `User ${name} is being deleted`);
  return value.enabled
    ? ok('user', `${name} is enabled`)
    : broken('user', 'UserDisabled', TOKEN_TEXTS, `User ${name} is disabled`);
}

function scope(
  token: Token,
  cluster: string | undefined,
  read: Reading<Cluster | undefined> | undefined,
): Hop {
  if (token.clusterName === '') {
    return broken(
      'scope',
      'NotScoped',
      TOKEN_TEXTS,
      'token is not scoped to a cluster, so it is copied to none',
    );
  }
  if (cluster !== undefined && token.clusterName !== cluster) {
    // A mistyped id, or a display name, is no other cluster to get a kubeconfig of.
    if (read?.ok && !read.value)
      return unseen('scope', `scoped to ${token.clusterName}; ${cluster} is no Cluster`);
    const detail = `token is scoped to ${token.clusterName}, this is ${cluster}`;
    return broken('scope', 'OtherCluster', TOKEN_TEXTS, detail);
  }
  return ok('scope', `scoped to ${token.clusterName}`);
}
