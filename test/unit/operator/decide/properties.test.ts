import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_CLOSED_FOR } from '../../../../src/api/names.ts';
import type { KubeObject, Token, UserAttribute } from '../../../../src/api/types.ts';
import { type Change, hashIn, keyOf } from '../../../../src/derive/diff.ts';
import { isByRancher } from '../../../../src/derive/other-writer.ts';
import { isOurs } from '../../../../src/derive/ownership.ts';
import { judgeToken } from '../../../../src/derive/verdict.ts';
import { decideToken } from '../../../../src/operator/decide/decide-token.ts';
import { decideUser } from '../../../../src/operator/decide/decide-user.ts';
import {
  type HashFact,
  isSameMoment,
  oursOf,
  type PairOfUser,
  type Rules,
  type Seen,
  type TokenFacts,
  type UserFacts,
} from '../../../../src/operator/decide/facts.ts';
import { isUnguarded } from '../../../../src/operator/decide/in-the-way.ts';
import type { Answers, Outcome, Plan } from '../../../../src/operator/decide/plan.ts';
import { anAttribute, aToken, aUser, HOUR, NOW, timeText } from '../../../support/builders.ts';
import {
  attributeOf,
  byRancher,
  carriedOut,
  foreign,
  hashFor,
  held,
  pairOf,
  RULES,
  type RuleChanges,
  rulesWith,
  see,
} from '../../../support/decision-facts.ts';

const RUNS = { numRuns: 4_000 };

// What may be so. Every mixture is generated, also such as no history leads to.

/** Mostly the first: a token that is refused for five reasons at once says little. */
const often = <T>(usual: T, ...others: readonly T[]): fc.Arbitrary<T> =>
  fc.oneof(
    { weight: 3 * others.length, arbitrary: fc.constant(usual) },
    { weight: others.length, arbitrary: fc.constantFrom(...others) },
  );

const aRules: fc.Arbitrary<Rules> = fc
  .record({
    mode: often('propagate', 'drain', 'hold'),
    storage: fc.constantFrom('secret', 'inline'),
    isSuspended: fc.boolean(),
    adopts: fc.boolean(),
  })
  .map(({ isSuspended, ...rest }) =>
    rulesWith({ ...rest, isPaused: isSuspended || rest.mode === 'hold' } as RuleChanges),
  );

const tokens = new Map<string, Token>();
const pairs = new Map<string, readonly KubeObject[]>();

/** Each token is parsed once: the same few come again and again. */
function parsed(uid: string, ageMs: number, fields: Readonly<Record<string, unknown>>): Token {
  const key = JSON.stringify([uid, ageMs, fields]);
  const token = tokens.get(key) ?? aToken(fields, { uid, creationTimestamp: timeText(NOW - ageMs) });
  tokens.set(key, token);
  return token;
}

function written(token: Token, storage: string): readonly KubeObject[] {
  const key = JSON.stringify([token, storage]);
  const pair = pairs.get(key) ?? pairOf(token, rulesWith({ storage } as RuleChanges));
  pairs.set(key, pair);
  return pair;
}

const ENABLED = aUser();
const DISABLED = aUser({ enabled: false });
const ATTRIBUTE = anAttribute();
const CLUSTER_USER_ATTRIBUTE = attributeOf();
const attributes = new Map<string, UserAttribute>();

/** Each once, as a store holds it: what is the same moment goes by identity. */
function attributeWith(groups: readonly string[]): UserAttribute {
  const attribute = attributes.get(groups.join()) ?? { ...ATTRIBUTE, groups };
  attributes.set(groups.join(), attribute);
  return attribute;
}

const someToken: fc.Arbitrary<Token> = fc
  .record({
    enabled: often(true, false),
    clusterName: often('c-1', 'c-2', ''),
    userId: often('u-1', 'u-2'),
    expiresAt: often('', timeText(NOW + HOUR), timeText(NOW - HOUR)),
    token: often('secret-1', 'secret-2', ''),
    uid: often('uid-t-1', 'uid-other'),
    ageMs: fc.constantFrom(HOUR, 0),
  })
  .map(({ uid, ageMs, ...fields }) => parsed(uid, ageMs, fields));

const someUser = fc.option(fc.constantFrom(ENABLED, ENABLED, DISABLED), { nil: undefined });

/** As we wrote it for some token, or somebody else did; or it is not there. */
function someObject(kind: string): fc.Arbitrary<KubeObject | undefined> {
  const ours = fc
    .tuple(someToken, often('secret', 'inline'))
    .map(([token, storage]) => written(token, storage).find((object) => object.kind === kind));
  return fc
    .tuple(ours, fc.constantFrom('as it is', 'as it is', 'foreign', 'held'))
    .map(([object, whose]) =>
      object && whose === 'foreign' ? foreign(object) : object && whose === 'held' ? held(object) : object,
    );
}

const someAttribute = fc.oneof(
  fc.constant(undefined),
  fc
    .tuple(
      fc.subarray(['g-1', 'g-2', 'g-3']),
      fc.boolean(),
      fc.constantFrom('ours', 'ours', 'foreign', 'held', 'by Rancher'),
    )
    .map(([groups, enabled, whose]) => {
      const object = { ...CLUSTER_USER_ATTRIBUTE, groups, enabled };
      if (whose === 'by Rancher') return byRancher(object);
      return whose === 'foreign' ? foreign(object) : whose === 'held' ? held(object) : object;
    }),
);

const aBefore: fc.Arbitrary<Outcome | undefined> = fc.constantFrom(
  undefined,
  { state: 'pending' },
  { state: 'pending', reason: 'HashPending' },
  { state: 'synced', version: '1' },
  { state: 'refused', reason: 'Conflict' },
  { state: 'refused', reason: 'UserDisabled' },
);

const someAnswers: fc.Arbitrary<Answers> = fc
  .subarray([
    'source/Token/t-1',
    'source/User/u-1',
    'source/UserAttribute/u-1',
    'source/Secret/t-1',
    'groups/u-1',
    'groups/u-2',
    'rival/t-1',
    'secret/t-1',
    'hash/uid-t-1',
    'hash/uid-other',
    'user/u-1',
    'user/u-2',
  ])
  .chain((keys) =>
    fc
      .array(fc.boolean(), { minLength: keys.length, maxLength: keys.length })
      .map((values) => new Map(keys.map((key, index) => [key, values[index] ?? false]))),
  );

const someTokenFacts: fc.Arbitrary<TokenFacts> = fc
  .record({
    rules: aRules,
    token: fc.option(someToken, { nil: undefined }),
    user: someUser,
    secret: someObject('Secret'),
    clusterAuthToken: someObject('ClusterAuthToken'),
    attribute: someAttribute,
    isConfirmed: fc.boolean(),
    before: aBefore,
    refusedBy: often(undefined, 'Secret t-1'),
    hash: often('ready', 'toMake', 'UnsupportedHash', 'SecretTooLong'),
    known: fc.record({
      isTokenGone: fc.boolean(),
      isExtCarried: fc.boolean(),
      isExtUnread: fc.boolean(),
      isUserGone: fc.boolean(),
      userAttribute: fc.option(
        fc.subarray(['g-1', 'g-2', 'g-3']).map((groups) => attributeWith(groups)),
        { nil: undefined },
      ),
      awaitedElsewhereSinceMs: fc.constantFrom(undefined, NOW, NOW - 20_000),
    }),
    answers: someAnswers,
  })
  .map(({ secret, clusterAuthToken, attribute, isConfirmed, before, refusedBy, hash, ...rest }) => ({
    ...rest,
    name: 't-1',
    hash: hashFact(hash, rest.token),
    seen: {
      pair: [secret, clusterAuthToken].filter((one) => one !== undefined).map((one) => see(one, rest.token)),
      attribute: attribute && see(attribute),
      ...{ isConfirmed, before, refusedBy },
    },
  }));

function hashFact(kind: string, token: Token | undefined): HashFact {
  if (kind === 'toMake') return { kind };
  if (kind === 'ready') return { kind, hash: hashFor(token ?? aToken()) };
  return { kind: 'refused', reason: kind as 'UnsupportedHash', message: 'because' };
}

const somePair: fc.Arbitrary<PairOfUser> = fc
  .record({
    written: someToken,
    isClosed: often(false, true),
    token: fc.option(someToken, { nil: undefined }),
    isOfEarlierSecret: often(false, true),
    isOfUnknownSecret: often(false, true),
    isMoving: fc.boolean(),
    isOfUnread: often(false, true),
    before: fc.oneof(aBefore, fc.constant<Outcome>({ state: 'pending', reason: 'GCBlocked' })),
  })
  .map(({ written: token, isClosed, ...rest }) => {
    const pair = written(token, 'inline')[0] as KubeObject;
    const clusterAuthToken = isClosed ? { ...pair, enabled: false } : pair;
    return { ...rest, clusterAuthToken, ours: [clusterAuthToken] };
  });

const someUserFacts: fc.Arbitrary<UserFacts> = fc
  .record({
    rules: aRules,
    user: someUser,
    groups: fc.option(fc.subarray(['g-1', 'g-2', 'g-3']), { nil: undefined }),
    object: someAttribute,
    tokensThere: fc.subarray(['t-1', 't-2']),
    pairs: fc.array(somePair, { maxLength: 2 }),
    isConfirmed: fc.boolean(),
    before: aBefore,
    refusedBy: often(undefined, 'ClusterUserAttribute u-1'),
    tokens: fc.array(fc.record({ token: someToken, before: aBefore }), { maxLength: 2 }),
    isGone: fc.boolean(),
    answers: someAnswers,
  })
  .map(({ groups, object, tokensThere, pairs, isConfirmed, before, refusedBy, ...rest }) => ({
    ...rest,
    name: 'u-1',
    attribute: groups && attributeWith(groups),
    seen: {
      object: object && see(object),
      tokens: tokensThere,
      pairs,
      ...{ isConfirmed, before, refusedBy },
    },
  }));

// What is read off a plan.

const changesOf = ({ changes = [] }: Plan): readonly Change[] =>
  changes.filter(({ verb }) => verb !== 'wait');
const touched = (change: Change): KubeObject => (change.verb === 'create' ? change.object : change.target);
const isForeign = (object: KubeObject): boolean => !isOurs(object, RULES.place.cluster);
const objectsOf = (pair: readonly Seen[]): readonly KubeObject[] => pair.map(({ object }) => object);
const isAlive = ({ metadata }: KubeObject): boolean => metadata.deletionTimestamp === undefined;

/** What is there of the token when the plan was carried out. */
const afterToken = (facts: TokenFacts, plan: Plan): readonly KubeObject[] =>
  carriedOut(objectsOf(facts.seen.pair), plan.changes);
const afterUser = (facts: UserFacts, plan: Plan): KubeObject | undefined =>
  carriedOut(facts.seen.object ? [facts.seen.object.object] : [], plan.changes)[0];

const groupsIn = (object: KubeObject | undefined): readonly unknown[] =>
  Array.isArray(object?.['groups']) ? object['groups'] : [];

function leavesForeignAlone(rules: Rules, plan: Plan): void {
  for (const change of changesOf(plan)) {
    if (change.verb === 'create' || !isForeign(change.target)) continue;
    expect(rules.adopts).toBe(true);
    expect(change.verb).toBe('patch');
  }
}

/** Nothing but a ClusterAuthToken switched off, with the mark of who did it where it is a stranger's. */
const isClosing = (change: Change): boolean => {
  if (change.verb !== 'patch' || change.patch['enabled'] !== false) return false;
  const { metadata, ...rest } = change.patch as { metadata?: { annotations?: object } };
  const marks = Object.keys(metadata?.annotations ?? {});
  return Object.keys(rest).length === 1 && marks.every((mark) => mark === ANNOTATION_CLOSED_FOR);
};

/** A hash that is taken away, and no other put in its place. */
const isBlanking = (change: Change): boolean =>
  change.verb === 'patch' &&
  change.target.kind === 'Secret' &&
  hashIn({ ...change.target, ...change.patch }) === undefined;

/** Somebody else's ClusterAuthToken of the token's user. */
const isStrangersOf =
  (token: Token | undefined) =>
  (object: KubeObject): boolean =>
    object.kind === 'ClusterAuthToken' && isForeign(object) && object['userName'] === token?.userName;

const contextOf = ({ place, clock }: Rules): Parameters<typeof judgeToken>[2] => ({
  cluster: place.cluster,
  aceEnabled: true,
  nowMs: clock.agreedMs,
});

/** Its hash is of no format that anybody verifies: the token is refused for that. */
const isNotOurLimit = ({ hash }: TokenFacts): boolean =>
  hash.kind === 'refused' && hash.reason === 'UnsupportedHash';

function takesAwayOnly(plan: Plan): void {
  for (const change of changesOf(plan)) {
    expect(change.verb).not.toBe('create');
    if (change.verb !== 'patch' || isClosing(change) || isBlanking(change)) continue;
    const { groups = [], enabled = false } = change.patch as { groups?: unknown[]; enabled?: boolean };
    expect(change.target.kind).toBe('ClusterUserAttribute');
    expect(enabled).toBe(false);
    expect(groupsIn(change.target)).toEqual(expect.arrayContaining(groups));
  }
}

describe('whatever the facts of a token', () => {
  const always = (property: (facts: TokenFacts, plan: Plan) => void): void =>
    fc.assert(
      fc.property(someTokenFacts, (facts) => property(facts, decideToken(facts))),
      RUNS,
    );

  test('someone else’s object is changed by adoption only, and never deleted', () => {
    always(({ rules }, plan) => leavesForeignAlone(rules, plan));
  });

  test('a pair whose token is absent goes only when it does not exist, and that was told or let pass', () => {
    always((facts, plan) => {
      const { token, rules, known, answers } = facts;
      if (token || rules.mode === 'drain' || changesOf(plan).length === 0) return;
      expect(answers.get('source/Token/t-1')).toBe(false);
      expect(known.isTokenGone).toBe(true);
    });
  });

  test('a refused token leaves nothing of ours', () => {
    always((facts, plan) => {
      const { outcome } = plan;
      if (typeof outcome !== 'object' || outcome.state !== 'refused' || outcome.reason === 'UserDisabled')
        return;
      const after = afterToken(facts, plan);
      // But the hash by which a stranger's ClusterAuthToken lets in the user that it should, also while that is none; and the
      // ClusterAuthToken that holds the hash itself, in whose Secret's place another's is.
      const isConflict = outcome.reason === 'Conflict';
      const isNeeded = (one: KubeObject): boolean =>
        one.kind === 'Secret'
          ? (isConflict || hashIn(one) === undefined) && after.some(isStrangersOf(facts.token))
          : isConflict && hashIn(one) !== undefined && one['userName'] === facts.token?.userName;
      expect(after.filter((one) => !isForeign(one) && isAlive(one) && !isNeeded(one))).toEqual([]);
    });
  });

  test('whom a stranger’s ClusterAuthToken lets in by our hash goes on being let in while the token is good', () => {
    always((facts, plan) => {
      const { token, user, rules, seen } = facts;
      const context = { cluster: rules.place.cluster, aceEnabled: true, nowMs: rules.clock.agreedMs };
      if (!token || rules.mode === 'drain' || !judgeToken(token, user, context).wanted) return;
      if (facts.hash.kind === 'refused' && facts.hash.reason === 'UnsupportedHash') return;
      const isOpen = (pair: readonly KubeObject[]): boolean =>
        pair.some((one) => isStrangersOf(token)(one) && one['enabled'] === true) &&
        pair.some(
          (one) =>
            one.kind === 'Secret' && !isForeign(one) && isAlive(one) && hashIn(one) === hashFor(token).hash,
        );
      // One who is to be out, and whom only another writer could keep out, is not let in by us.
      if (rules.adopts || isUnguarded(facts) || !isOpen(objectsOf(seen.pair))) return;
      expect(isOpen(afterToken(facts, plan))).toBe(true);
    });
  });

  test('nobody who is disabled is let in by our hash where only another writer’s attribute judges him', () => {
    always((facts, plan) => {
      const { token, rules } = facts;
      if (!token || rules.mode === 'drain' || !isUnguarded(facts)) return;
      if (
        !judgeToken(token, facts.user, {
          cluster: rules.place.cluster,
          aceEnabled: true,
          nowMs: rules.clock.agreedMs,
        }).wanted
      )
        return;
      if (rules.adopts || typeof plan.outcome !== 'object' || plan.outcome.state !== 'refused') return;
      const after = afterToken(facts, plan);
      if (!after.some((one) => isStrangersOf(token)(one) && one['enabled'] === true)) return;
      expect(after.filter((one) => !isForeign(one) && isAlive(one) && hashIn(one) !== undefined)).toEqual([]);
    });
  });

  test('with adoption, nobody is let in by a stranger’s ClusterAuthToken of a token that was revoked', () => {
    always((facts, plan) => {
      const { token, rules } = facts;
      if (!rules.adopts || rules.mode === 'drain' || !token || token.clusterName !== rules.place.cluster)
        return;
      const isOver = token.expiresAtMs !== undefined && token.expiresAtMs <= rules.clock.agreedMs;
      if (token.problem !== undefined || (token.enabled && !isOver)) return;
      const open = afterToken(facts, plan).filter((one) => one['enabled'] === true && isForeign(one));
      expect(open).toEqual([]);
    });
  });

  test('by another writer’s attribute nobody is let in with our pair who has less than it gives', () => {
    always((facts, plan) => {
      const { token, user, rules, seen, known, answers } = facts;
      const there = seen.attribute;
      if (!token || rules.mode === 'drain' || rules.adopts || !there || there.isOurs) return;
      if (!judgeToken(token, user, contextOf(rules)).wanted || isNotOurLimit(facts)) return;
      const isOpen = (one: KubeObject): boolean =>
        one.kind === 'ClusterAuthToken' && !isForeign(one) && isAlive(one) && one['enabled'] === true;
      if (!afterToken(facts, plan).some(isOpen)) return;
      expect(isByRancher(there.object)).toBe(true);
      expect(there.object['enabled']).toBe(true);
      expect(user?.enabled).toBe(true);
      const given = known.userAttribute?.groups ?? [];
      if (groupsIn(there.object).every((group) => given.includes(String(group)))) return;
      // It is not certain that the user has them no more: nothing is given, and nothing taken away yet.
      expect(changesOf(plan)).toEqual([]);
      expect(answers.get(`groups/${token.userName}`)).not.toBe(false);
    });
  });

  test('what is there of a good token stays beside an attribute of Rancher’s that gives no more', () => {
    let seenSo = 0;
    always((facts) => {
      const { token, seen } = facts;
      if (!token || facts.rules.mode === 'drain' || facts.answers.get('secret/t-1') === true) return;
      const rules = { ...facts.rules, adopts: false };
      if (!judgeToken(token, ENABLED, contextOf(rules)).wanted) return;
      const groups = groupsIn(seen.attribute?.object);
      const attribute = see(byRancher({ ...CLUSTER_USER_ATTRIBUTE, enabled: true, groups }));
      const pair = written(token, rules.place.storage).map((object) => see(object, token));
      const there: TokenFacts = {
        ...facts,
        ...{ rules, user: ENABLED, hash: hashFact('ready', token) },
        seen: { ...seen, pair, attribute, refusedBy: undefined },
        known: { ...facts.known, userAttribute: attributeWith(['g-1', 'g-2', 'g-3']) },
      };
      seenSo += 1;
      const after = afterToken(there, decideToken(there));
      expect(after.some((one) => one.kind === 'ClusterAuthToken' && one['enabled'] === true)).toBe(true);
      expect(after.map(hashIn).find((hash) => hash !== undefined)).toBe(hashFor(token).hash);
    });
    expect(seenSo).toBeGreaterThan(10);
  });

  test('what is synced is all there, and nothing is to be done', () => {
    always((facts, plan) => {
      if (typeof plan.outcome !== 'object' || plan.outcome.state !== 'synced') return;
      expect(changesOf(plan)).toEqual([]);
      expect(facts.seen.isConfirmed).toBe(true);
      const needed = facts.rules.place.storage === 'inline' ? 1 : 2;
      expect(oursOf(facts.seen.pair).filter(isAlive)).toHaveLength(needed);
    });
  });

  test('deciding again after it was carried out changes nothing', () => {
    always((facts, plan) => {
      if (changesOf(plan).length === 0) return;
      const pair = afterToken(facts, plan).map((object) => see(object, facts.token));
      const seen = { ...facts.seen, pair, isConfirmed: false, before: outcomeOf(plan) };
      expect(changesOf(decideToken({ ...facts, seen }))).toEqual([]);
    });
  });

  test('a paused cluster gains nothing', () => {
    always(({ rules }, plan) => {
      if (rules.isPaused) takesAwayOnly(plan);
    });
  });

  test('taking away switch, time, cluster or user never adds an object', () => {
    const less: readonly ((facts: TokenFacts & { token: Token }) => TokenFacts)[] = [
      (facts) => ({ ...facts, token: { ...facts.token, enabled: false } }),
      (facts) => ({ ...facts, token: { ...facts.token, expiresAtMs: NOW } }),
      (facts) => ({ ...facts, token: { ...facts.token, clusterName: '' } }),
      (facts) => ({ ...facts, user: undefined }),
    ];
    const added = (plan: Plan): readonly string[] =>
      changesOf(plan)
        .filter((change) => change.verb !== 'delete' && !isClosing(change) && !isBlanking(change))
        .map((change) => keyOf(touched(change)));
    always((facts) => {
      if (!facts.token) return;
      for (const take of less) expect(added(decideToken(take({ ...facts, token: facts.token })))).toEqual([]);
    });
  });
});

/** Where the key stands once a plan with changes is carried out: a conflict is remembered, and keeps it from trying again. */
const outcomeOf = ({ outcome }: Plan): Outcome =>
  typeof outcome === 'object' ? outcome : { state: 'pending' };

describe('whatever the facts of a user', () => {
  const always = (property: (facts: UserFacts, plan: Plan) => void): void =>
    fc.assert(
      fc.property(someUserFacts, (facts) => property(facts, decideUser(facts))),
      RUNS,
    );

  test('someone else’s object is changed by adoption only, and never deleted', () => {
    always(({ rules }, plan) => leavesForeignAlone(rules, plan));
  });

  test('a ClusterUserAttribute whose user is absent goes only when it does not exist, and that was told or let pass', () => {
    always((facts, plan) => {
      const { user, rules, isGone, answers } = facts;
      if (user || rules.mode === 'drain' || changesOf(plan).length === 0) return;
      expect(answers.get('source/User/u-1')).toBe(false);
      expect(isGone).toBe(true);
    });
  });

  test('deciding again after it was carried out changes nothing', () => {
    always((facts, plan) => {
      if (changesOf(plan).length === 0) return;
      const after = afterUser(facts, plan);
      const seen = {
        ...facts.seen,
        object: after && see(after),
        isConfirmed: false,
        before: outcomeOf(plan),
      };
      expect(changesOf(decideUser({ ...facts, seen }))).toEqual([]);
    });
  });

  test('a paused cluster gains nothing', () => {
    always(({ rules }, plan) => {
      if (rules.isPaused) takesAwayOnly(plan);
    });
  });

  test('nobody is let in while something of theirs is there that is known to be revoked', () => {
    always((facts, plan) => {
      const isLetIn = (object: KubeObject | undefined): boolean => object?.['enabled'] === true;
      if (isLetIn(facts.seen.object?.object) || !isLetIn(afterUser(facts, plan))) return;
      for (const { clusterAuthToken, token, before, isOfUnread } of facts.seen.pairs) {
        const isOpen = clusterAuthToken['enabled'] === true && !isOfUnread;
        const isRevoked = token
          ? !token.enabled
          : !(before?.state === 'pending' && before.reason === 'GCBlocked');
        expect(isOpen && isRevoked).toBe(false);
      }
    });
  });

  test('groups go only when their UserAttribute says so, or does not exist', () => {
    always((facts, plan) => {
      const before = groupsIn(facts.seen.object?.object);
      const after = afterUser(facts, plan);
      if (!after || facts.attribute || facts.answers.get('source/UserAttribute/u-1') === false) return;
      expect(groupsIn(after)).toEqual(expect.arrayContaining([...before]));
    });
  });

  test('a group less, or the switch off, gives nobody more', () => {
    always((facts, plan) => {
      const full = afterUser(facts, plan);
      if (!facts.user || !facts.attribute) return;
      const attribute = { ...facts.attribute, groups: facts.attribute.groups.slice(1) };
      const fewer = { ...facts, attribute };
      const off = { ...facts, user: { ...facts.user, enabled: false } };
      const allowed = groupsIn(full);
      expect(allowed).toEqual(expect.arrayContaining([...groupsIn(afterUser(fewer, decideUser(fewer)))]));
      const switched = afterUser(off, decideUser(off));
      if (changesOf(decideUser(off)).length > 0) expect(switched?.['enabled'] ?? false).toBe(false);
    });
  });
});

describe('what is called the same moment', () => {
  /** The first with some parts of the second, some time later. */
  const later = fc
    .record({
      ...{ facts: someTokenFacts, other: someTokenFacts },
      parts: fc.subarray(['token', 'user', 'hash', 'known', 'answers'] as const, { maxLength: 1 }),
      views: fc.subarray(
        ['pair', 'attribute', 'isConfirmed', 'before', 'refusedBy', 'hashTwiceSinceMs'] as const,
        {
          maxLength: 2,
        },
      ),
      rules: fc.subarray(['mode', 'place', 'isPaused', 'adopts'] as const, { maxLength: 1 }),
      laterMs: fc.constantFrom(0, 1, HOUR, 48 * HOUR),
    })
    .map(({ facts, other, parts, views, rules, laterMs }) => {
      const taken = <T extends object>(from: T, names: readonly (keyof T)[]): Partial<T> =>
        Object.fromEntries(names.map((name) => [name, from[name]])) as Partial<T>;
      const { nowMs, agreedMs, latestMs } = facts.rules.clock;
      const then: TokenFacts = {
        ...facts,
        ...taken(other, parts),
        seen: { ...facts.seen, ...taken(other.seen, views) },
        rules: {
          ...facts.rules,
          ...taken(other.rules, rules),
          clock: {
            nowMs: nowMs + laterMs,
            agreedMs: agreedMs + laterMs,
            latestMs: latestMs + laterMs,
          },
        },
      };
      return { facts, then };
    });

  test('leads to the same changes', () => {
    let same = 0;
    fc.assert(
      fc.property(later, ({ facts, then }) => {
        if (!isSameMoment(facts, then)) return;
        same += 1;
        expect(decideToken(then).changes ?? []).toEqual(decideToken(facts).changes ?? []);
      }),
      RUNS,
    );
    // Otherwise this shows nothing.
    expect(same).toBeGreaterThan(RUNS.numRuns / 20);
  });
});
