import { describe, expect, test } from 'vitest';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import type { KubeObject, Token } from '../../../../src/api/types.ts';
import { decideToken } from '../../../../src/operator/decide/decide-token.ts';
import { decideUser } from '../../../../src/operator/decide/decide-user.ts';
import { aToken, aUser, HOUR, NOW, rawExtToken, timeText } from '../../../support/builders.ts';
import {
  attributeOf,
  byRancher,
  carriedOut,
  pairOf,
  see,
  type TokenChanges,
  tokenFacts,
  userFacts,
} from '../../../support/decision-facts.ts';

/** Pairs of ours that are judged by the ClusterUserAttribute of Rancher's own controller, which may let in whom it should not. */

const OPEN = see(byRancher(attributeOf()));
const EXT = {
  ...parseExtToken(rawExtToken({ ttl: '-1' }, { name: 't-1', uid: 'uid-t-1' })),
  userName: 'u-1',
  clusterName: 'c-1',
} as Token;

function left(pair: readonly KubeObject[], changes: TokenChanges): readonly string[] {
  const seen = { pair: pair.map((object) => see(object)), attribute: OPEN };
  const plan = decideToken(tokenFacts({ ...changes, seen: { ...seen, ...changes.seen } }));
  return carriedOut(pair, plan.changes).map(({ kind }) => kind);
}

describe('of a disabled user, whom it lets in, nothing stays', () => {
  const user = aUser({ enabled: false });

  test('while the hash of the token is away', () => {
    const token = { ...EXT, secret: { kind: 'missing' } } as Token;
    expect(left(pairOf(EXT), { token, user })).toEqual([]);
  });

  test('while the token moves to another cluster', () => {
    const moving = { token: aToken({ clusterName: 'c-2' }), known: { awaitedElsewhereSinceMs: NOW } };
    expect(left(pairOf(aToken()), { ...moving, user })).toEqual([]);
    expect(left(pairOf(aToken()), moving)).toEqual(['Secret', 'ClusterAuthToken']);
  });

  test('and its tokens are looked at as soon as the user is', () => {
    const { wake } = decideUser(userFacts({ user, tokens: [], seen: { object: OPEN } }));
    expect(wake).toEqual([{ key: 'token/t-1', lane: 'revocation' }]);
  });
});

test('a token that lost a group is asked about before it stays for a hash', () => {
  const token = { ...EXT, secret: { kind: 'missing' } } as Token;
  const seen = { pair: pairOf(EXT).map((object) => see(object)), attribute: OPEN };
  const facts = tokenFacts({ token, seen, known: { userAttribute: undefined } });
  expect(decideToken(facts).next).toMatchObject({ question: { about: 'groups', name: 'u-1' } });
});

test('a clock that is an hour behind makes no token wait for another writer', () => {
  const token = aToken({}, { creationTimestamp: timeText(NOW - HOUR / 6) });
  const rules = { nowMs: NOW - HOUR, agreedMs: NOW - HOUR };
  const { outcome } = decideToken(
    tokenFacts({ token, rules, seen: { pair: [], attribute: OPEN, before: undefined } }),
  );
  expect(outcome).not.toMatchObject({ reason: 'Conflict' });
});

test('where Rancher takes its own away, the tokens that waited because of it are looked at', () => {
  const before = { state: 'refused', reason: 'Conflict' } as const;
  const tokens = [{ token: aToken(), before }];
  const { wake } = decideUser(userFacts({ tokens, seen: { object: undefined, tokens: [] } }));
  expect(wake).toEqual([{ key: 'token/t-1', lane: 'normal' }]);
});
