import { LABEL_CREATOR, RANCHER_CREATOR } from '../../src/api/names.ts';
import type { KubeObject, Token } from '../../src/api/types.ts';
import { desiredTokenObjects, desiredUserObject } from '../../src/derive/desired.ts';
import { type Change, hashIn, keyOf } from '../../src/derive/diff.ts';
import { withoutNulls } from '../../src/derive/merge-patch.ts';
import { isOurs } from '../../src/derive/ownership.ts';
import type {
  HashFact,
  KnownOfToken,
  Rules,
  Seen,
  SeenOfToken,
  SeenOfUser,
  TokenFacts,
  UserFacts,
} from '../../src/operator/decide/facts.ts';
import { anAttribute, aToken, aUser, NOW } from './builders.ts';
import { applyMergePatch } from './json-merge-patch.ts';

// Facts as tests write them: one token of one user in cluster c-1, in sync, and what differs from that.

export const RULES: Rules = {
  place: { cluster: 'c-1', namespace: 'cattle-system', storage: 'secret' },
  algorithm: 'sha3-512',
  mode: 'propagate',
  isPaused: false,
  adopts: false,
  clock: { nowMs: NOW, agreedMs: NOW, latestMs: NOW },
};

/** What differs from the rules, without saying in which part of them it is. */
export type RuleChanges = Partial<Omit<Rules, 'place' | 'clock'> & Rules['place'] & Rules['clock']>;

export function rulesWith(changes: RuleChanges = {}, { place, clock, ...rest }: Rules = RULES): Rules {
  const { cluster, namespace, storage, installation, nowMs, agreedMs, latestMs, ...others } = changes;
  const given = <T extends object>(part: T): Partial<T> =>
    Object.fromEntries(Object.entries(part).filter(([, value]) => value !== undefined)) as Partial<T>;
  return {
    ...{ ...rest, ...others },
    place: { ...place, ...given({ cluster, namespace, storage, installation }) } as Rules['place'],
    clock: { ...clock, ...given({ nowMs, agreedMs, latestMs }) } as Rules['clock'],
  };
}

/** A hash that a person can read: of which token and secret it is. */
export function hashFor(token: Token): { hash: string; fingerprint: string } {
  const value = token.secret.kind === 'missing' ? '' : token.secret.value;
  return { hash: `hash of ${value}`, fingerprint: `mark of ${token.uid} and ${value}` };
}

/** Secret and ClusterAuthToken as we write them. */
export function pairOf(token: Token, rules: Rules = RULES): readonly KubeObject[] {
  return desiredTokenObjects(token, undefined, hashFor(token), rules.place).map(asStored);
}

export function attributeOf(name = 'u-1', groups: readonly string[] = ['g-1']): KubeObject {
  const user = aUser({}, { name, uid: `uid-${name}` });
  const items = { Items: groups.map((group) => ({ metadata: { name: group } })) };
  return asStored(
    desiredUserObject(user, anAttribute({ GroupPrincipals: { local: items } }), RULES.place, ''),
  );
}

/** The same, written by somebody else: without our labels and marks. */
export function foreign(object: KubeObject): KubeObject {
  const { name, namespace, uid } = object.metadata;
  return { ...object, metadata: { name, namespace, uid: `${uid}-foreign` } } as KubeObject;
}

/** The same, written by Rancher's own controller, by its mark. */
export function byRancher(object: KubeObject): KubeObject {
  const { metadata, ...rest } = foreign(object);
  return { ...rest, metadata: { ...metadata, labels: { [LABEL_CREATOR]: RANCHER_CREATOR } } } as KubeObject;
}

/** The same, with someone's finalizer. */
export function finalized(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, finalizers: ['example.com/hold'] } };
}

/** The same, deleted and held by someone's finalizer. */
export function held(object: KubeObject): KubeObject {
  return { ...object, metadata: { ...object.metadata, deletionTimestamp: '2026-01-01T00:00:00Z' } };
}

export function see(object: KubeObject, token?: Token): Seen {
  const hash = hashIn(object);
  const isOfEarlierSecret = hash !== undefined && !!token && hash !== hashFor(token).hash;
  // Without a token: one that is in order.
  const isOfPresentSecret = hash !== undefined && (!token || hash === hashFor(token).hash);
  return { object, isOurs: isOurs(object, RULES.place.cluster), isOfEarlierSecret, isOfPresentSecret };
}

export type TokenChanges = Partial<Omit<TokenFacts, 'seen' | 'known' | 'rules'>> & {
  readonly rules?: RuleChanges;
  readonly seen?: Partial<SeenOfToken>;
  readonly known?: Partial<KnownOfToken>;
};

const READY = (token: Token): HashFact => ({ kind: 'ready', hash: hashFor(token) });

export function tokenFacts(changes: TokenChanges = {}): TokenFacts {
  const token = 'token' in changes ? changes.token : aToken();
  const written = token ?? aToken();
  const { rules, seen, known, ...rest } = changes;
  return {
    name: 't-1',
    token,
    user: aUser(),
    hash: READY(written),
    answers: new Map(),
    ...rest,
    rules: rulesWith(rules),
    seen: {
      pair: pairOf(aToken()).map((object) => see(object, token)),
      attribute: see(attributeOf()),
      isConfirmed: true,
      before: { state: 'synced', version: written.resourceVersion },
      refusedBy: undefined,
      ...seen,
    },
    known: {
      isTokenGone: false,
      isExtCarried: true,
      isExtUnread: false,
      isUserGone: false,
      userAttribute: anAttribute(),
      awaitedElsewhereSinceMs: undefined,
      ...known,
    },
  };
}

export type UserChanges = Partial<Omit<UserFacts, 'seen' | 'rules'>> & {
  readonly rules?: RuleChanges;
  readonly seen?: Partial<SeenOfUser>;
};

export function userFacts(changes: UserChanges = {}): UserFacts {
  const { rules, seen, ...rest } = changes;
  return {
    name: 'u-1',
    user: aUser({}, { uid: 'uid-u-1' }),
    attribute: anAttribute(),
    tokens: [{ token: aToken(), before: { state: 'synced', version: '1' } }],
    isGone: false,
    answers: new Map(),
    ...rest,
    rules: rulesWith(rules),
    seen: {
      object: see(attributeOf()),
      tokens: ['t-1'],
      pairs: [],
      isConfirmed: true,
      before: { state: 'synced', version: '1/1' },
      refusedBy: undefined,
      ...seen,
    },
  };
}

/** What is there after changes were carried out, as an API server would. Held objects stay. */
export function carriedOut(
  objects: readonly KubeObject[],
  changes: readonly Change[] = [],
): readonly KubeObject[] {
  let now = [...objects];
  for (const change of changes) {
    if (change.verb === 'wait') break;
    if (change.verb === 'create') now = [...now, asStored(change.object)];
    const isTarget = (object: KubeObject): boolean =>
      change.verb !== 'create' && keyOf(object) === keyOf(change.target);
    if (change.verb === 'delete') now = now.filter((object) => !isTarget(object));
    if (change.verb === 'patch') {
      const { patch } = change;
      now = now.map((object) => (isTarget(object) ? (applyMergePatch(object, patch) as KubeObject) : object));
    }
  }
  return now;
}

function asStored(object: KubeObject): KubeObject {
  const stored = withoutNulls(object);
  return { ...stored, metadata: { ...stored.metadata, uid: `uid-${object.kind}-${object.metadata.name}` } };
}
