import { HOP_TEXTS } from '../api/hop-reason-texts.ts';
import { MAX_VALUE } from '../api/parse-fields.ts';
import { TOKEN_TEXTS } from '../api/reason-texts.ts';
import type { TokenReason } from '../api/reasons.ts';
import type { HashAlgorithmName, KubeObject, Token, User, UserAttribute } from '../api/types.ts';
import { AGAINST_TEXTS } from '../derive/other-writer.ts';
import { isOurs } from '../derive/ownership.ts';
import { maxSecretBytes } from '../hash/limits.ts';
import { decideToken } from '../operator/decide/decide-token.ts';
import { refusedHash, type Seen, type TokenFacts } from '../operator/decide/facts.ts';
import { inTheWay, relianceOn } from '../operator/decide/in-the-way.ts';
import { known } from '../plane/reading.ts';
import type { Evidence } from './evidence.ts';
import { broken, type Hop, type HopId } from './hop.ts';

/** What the operator hashes with unless it, or the cluster, was told otherwise. */
const DEFAULT_ALGORITHM: HashAlgorithmName = 'bcrypt';

/**
 * Why a token that belongs in a cluster is not there, where it can be told without the operator's word: by the operator's own
 * decision, from what is seen here. Pure.
 */
export function whyAbsent(id: HopId, token: Token, evidence: Evidence): Hop | undefined {
  const status = known(evidence.management.propagation)?.status;
  if (token.api === 'ext' && status?.conditions && !status.extTokens) {
    return broken(id, 'ExtTokensOff', HOP_TEXTS, 'the operator does not carry tokens of ext.cattle.io');
  }
  const facts = factsOf(token, evidence);
  const { outcome } = decideToken(facts);
  if (typeof outcome !== 'object' || outcome.state === 'synced' || outcome.reason === undefined)
    return undefined;
  const detail = detailOf(outcome.reason, token, facts, evidence);
  return detail === undefined ? undefined : broken(id, outcome.reason, TOKEN_TEXTS, detail);
}

/** As the operator gathers them, of a token of which nothing is there yet. */
function factsOf(token: Token, { management, downstream, target, nowMs }: Evidence): TokenFacts {
  const spec = known(management.propagation)?.spec;
  const cluster = target.cluster ?? '';
  const algorithm = spec?.algorithm ?? DEFAULT_ALGORITHM;
  const see = (object: KubeObject): Seen => ({
    object,
    isOurs: isOurs(object, cluster, management.installation),
    isOfEarlierSecret: false,
    isOfPresentSecret: false,
  });
  const secret = known(downstream.hashSecret)?.object;
  const attribute = known(downstream.userAttribute)?.object;
  return {
    name: token.name,
    rules: {
      place: { cluster, namespace: downstream.namespace, storage: spec?.storage ?? 'secret' },
      ...{ algorithm, mode: 'propagate', clock: { nowMs, agreedMs: nowMs, latestMs: nowMs } },
      isPaused: spec?.suspend ?? false,
      adopts: spec?.adopt ?? false,
    },
    token,
    user: known(management.user) ?? unseenUser(token.userName),
    seen: {
      pair: secret ? [see(secret)] : [],
      attribute: attribute && see(attribute),
      ...{ isConfirmed: true, before: undefined, refusedBy: undefined },
    },
    // Which hash it would be makes no difference to what keeps it away.
    hash: refusedHash(token, algorithm) ?? { kind: 'ready', hash: { hash: '', fingerprint: '' } },
    known: {
      ...{ isTokenGone: false, isExtCarried: true, isExtUnread: false, isUserGone: false },
      userAttribute: attributeAsRead(token.userName, management.attribute),
      awaitedElsewhereSinceMs: undefined,
    },
    answers: new Map(),
  };
}

/** What could not be read is judged in a hop of its own. */
function unseenUser(name: string): User {
  return {
    name,
    namespace: '',
    uid: '',
    resourceVersion: '',
    deleting: false,
    enabled: true,
    problem: undefined,
  };
}

/** One that could not be read is not one that is not there: then any group would be more than its user has. */
function attributeAsRead(name: string, read: Evidence['management']['attribute']): UserAttribute | undefined {
  if (read?.ok) return read.value;
  return {
    ...{ name, namespace: '', uid: '', resourceVersion: '' },
    ...{ groups: [], lastRefresh: '', needsRefresh: false, extraByProvider: undefined },
    problem: 'it could not be read',
  };
}

/** The ground in words; undefined where another hop speaks of it. */
function detailOf(
  reason: TokenReason,
  token: Token,
  facts: TokenFacts,
  { management }: Evidence,
): string | undefined {
  const { rules, seen } = facts;
  switch (reason) {
    case 'UnsupportedHash':
      return 'the hash in the Token is of no known format';
    case 'SecretTooLong':
    case 'Malformed':
      return unhashable(reason, token, known(management.propagation)?.spec.algorithm);
    case 'Conflict':
      return `${inTheWay(rules, seen.pair, seen.attribute)} was written by someone else${ground(facts)}`;
    case 'Suspended':
      return `spec.suspend of ClusterPropagation ${rules.place.cluster} is set`;
    default:
      return undefined;
  }
}

/** Why the token is not served beside another writer's ClusterUserAttribute, where that is in the way alone. */
function ground(facts: TokenFacts): string {
  const reliance = inTheWay(facts.rules, facts.seen.pair, undefined) ? undefined : relianceOn(facts);
  if (reliance?.kind !== 'against') return '';
  return reliance.why ? `: ${AGAINST_TEXTS[reliance.why]}` : '';
}

function unhashable(
  reason: 'SecretTooLong' | 'Malformed',
  { secret }: Token,
  asked: HashAlgorithmName | undefined,
): string {
  const algorithm = asked ?? DEFAULT_ALGORITHM;
  const by = asked ? algorithm : `${algorithm}, unless the operator was given another --hash-algorithm`;
  if (reason === 'Malformed') return `token: not taken by ${by}`;
  const bytes = secret.kind === 'plain' ? Buffer.byteLength(secret.value) : 0;
  // Of one that is longer no more is held.
  const length = bytes > MAX_VALUE ? `more than ${MAX_VALUE}` : String(bytes);
  return `the secret has ${length} bytes, ${maxSecretBytes(algorithm)} are taken by ${by}`;
}
