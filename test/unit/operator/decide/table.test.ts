import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../../src/api/types.ts';
import { decideToken } from '../../../../src/operator/decide/decide-token.ts';
import { decideUser } from '../../../../src/operator/decide/decide-user.ts';
import { anAttribute, aToken, aUser, groupsOf, HOUR, NOW, timeText } from '../../../support/builders.ts';
import {
  attributeOf,
  foreign,
  held,
  pairOf,
  see,
  type TokenChanges,
  tokenFacts,
  type UserChanges,
  userFacts,
} from '../../../support/decision-facts.ts';
import { sentence } from '../../../support/plan-sentence.ts';

// States × events. Each row: what differs from one token in sync, and the plan as a sentence.

const [SECRET, CLUSTER_AUTH_TOKEN] = pairOf(aToken()) as [KubeObject, KubeObject];
const NOTHING = { pair: [], attribute: undefined, before: undefined };
const told = (...answers: [string, boolean][]): ReadonlyMap<string, boolean> => new Map(answers);
const expiring = aToken({ expiresAt: timeText(NOW + HOUR) });
const rotated = aToken({ token: 'secret-2' });
const recreated = aToken({}, { uid: 'uid-other', resourceVersion: '2' });
const ofAnotherUser = aToken({ userId: 'u-2' });
const slow = { hash: { kind: 'toMake' } } as const;
const absent = { token: undefined, user: undefined };
const refusedConflict = { state: 'refused', reason: 'Conflict' } as const;

const TOKEN_ROWS: readonly [string, TokenChanges, string][] = [
  // Created.
  [
    'a new token: the user goes first',
    { seen: NOTHING, answers: told() },
    'pending; asks for user u-1 first',
  ],
  [
    '… and then Secret before ClusterAuthToken',
    { seen: NOTHING, answers: told(['user/u-1', true]) },
    'creates Secret t-1; creates ClusterAuthToken t-1; pending',
  ],
  [
    'written, and not told yet: it is not called synced',
    { seen: { isConfirmed: false, before: { state: 'pending' } } },
    'pending',
  ],
  ['told: it is synced', { seen: { before: { state: 'pending' } } }, 'tells Propagated; synced'],
  ['in sync: nothing to write', {}, 'synced'],
  [
    'a token that expires comes back by itself',
    {
      token: expiring,
      seen: { pair: pairOf(expiring).map((one) => see({ ...one, expiresAt: '2026-01-01T01:00:00Z' })) },
    },
    'synced; again in 3600 s, first',
  ],
  ['a hash that is not there: asked for', { ...slow, seen: NOTHING }, 'asks for its hash'],
  [
    '… and being made: nobody waits for it',
    { ...slow, seen: NOTHING, answers: told(['hash/uid-t-1', false]) },
    'pending: HashPending',
  ],
  [
    'a token without a secret yet',
    { token: aToken({ token: '' }), seen: NOTHING },
    'tells HashPending; refused: HashPending; wakes user/u-1',
  ],
  // Drifted.
  [
    'its Secret was deleted there',
    { seen: { pair: [see(CLUSTER_AUTH_TOKEN)] } },
    'tells Repaired; creates Secret t-1; pending',
  ],
  [
    'its ClusterAuthToken was switched off there',
    { seen: { pair: [see(SECRET), see(Object.assign({}, CLUSTER_AUTH_TOKEN, { enabled: false }))] } },
    'tells Repaired; patches ClusterAuthToken t-1 (enabled: true); pending',
  ],
  // Ended.
  [
    'a disabled token goes, ClusterAuthToken before Secret',
    { token: aToken({ enabled: false }) },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    '… and is refused once that was told',
    { token: aToken({ enabled: false }), seen: { ...NOTHING, before: { state: 'pending' } } },
    'tells Disabled; refused: Disabled; wakes user/u-1',
  ],
  [
    '… and a person is told of it once',
    {
      token: aToken({ enabled: false }),
      seen: { ...NOTHING, before: { state: 'refused', reason: 'Disabled' } },
    },
    'refused: Disabled; wakes user/u-1',
  ],
  [
    'an expired token goes',
    { token: aToken({ expiresAt: timeText(NOW) }) },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'a disabled user is refused by one write at the user, and the token stays',
    { user: aUser({ enabled: false }) },
    'refused: UserDisabled',
  ],
  // Absent.
  ['a token that is absent: read live first', absent, 'asks whether Token t-1 exists'],
  [
    '… and is there after all: our store lags behind',
    { ...absent, answers: told(['source/Token/t-1', true]) },
    'again in 1 s, first',
  ],
  [
    '… and is not, and nobody told so: a sweep has to decide',
    { ...absent, answers: told(['source/Token/t-1', false]) },
    'pending: GCBlocked; asks for a sweep',
  ],
  [
    '… and is not, and that was told: it goes',
    { ...absent, answers: told(['source/Token/t-1', false]), known: { isTokenGone: true } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'what was found out about another token does not count',
    { ...absent, answers: told(['source/Token/t-2', false]), known: { isTokenGone: true } },
    'asks whether Token t-1 exists',
  ],
  ['absent on both sides', { ...absent, seen: NOTHING }, 'nothing is left'],
  [
    'a token whose user is absent: the user is read live',
    { user: undefined },
    'asks whether User u-1 exists',
  ],
  [
    '… and its deletion was told',
    { user: undefined, answers: told(['source/User/u-1', false]), known: { isUserGone: true } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  // Replaced under the same name.
  [
    'another secret: the old one ends, whatever the new hash takes',
    {
      ...slow,
      token: rotated,
      seen: { pair: pairOf(aToken()).map((one) => see(one, rotated)) },
      answers: told(['hash/uid-t-1', false]),
    },
    'deletes Secret t-1; pending: HashPending',
  ],
  [
    'another token of that name',
    { token: recreated, seen: { before: { state: 'synced', version: '1' } } },
    'deletes ClusterAuthToken t-1; patches Secret t-1 (metadata); creates ClusterAuthToken t-1; pending',
  ],
  [
    'another user: the old pair goes whole while a hash is made',
    { ...slow, token: ofAnotherUser, answers: told(['hash/uid-t-1', false]) },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending: HashPending',
  ],
  // Moved.
  [
    'moved to a cluster that is about to have it: it stays a little',
    { token: aToken({ clusterName: 'c-2' }), known: { awaitedElsewhereSinceMs: NOW } },
    'again in 250 ms, first',
  ],
  [
    '… but not for longer than ten seconds',
    { token: aToken({ clusterName: 'c-2' }), known: { awaitedElsewhereSinceMs: NOW - 10_000 } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'moved to a cluster that has it',
    { token: aToken({ clusterName: 'c-2' }) },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  // Someone else's.
  [
    'someone else’s ClusterAuthToken: told once, looked at again',
    { seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… and what is ours beside it goes: half of a pair must not complete a stranger’s',
    { seen: { pair: [see(SECRET), see(foreign(CLUSTER_AUTH_TOKEN))] } },
    'tells Conflict; deletes Secret t-1; refused: Conflict; again in 60 s',
  ],
  [
    'someone else’s ClusterUserAttribute',
    { seen: { attribute: see(foreign(attributeOf())) } },
    'tells Conflict; deletes ClusterAuthToken t-1; deletes Secret t-1; refused: Conflict; again in 60 s',
  ],
  [
    'someone else’s Secret refused our write',
    { seen: { ...NOTHING, refusedBy: 'Secret t-1', before: { state: 'pending' } } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    'a minute later: is it still there? It is not watched',
    { seen: { ...NOTHING, before: refusedConflict } },
    "asks whether Secret t-1 is someone else's",
  ],
  [
    '… it is: no write is tried',
    { seen: { ...NOTHING, before: refusedConflict }, answers: told(['secret/t-1', true]) },
    'refused: Conflict; again in 60 s',
  ],
  [
    'adoption takes it over',
    {
      rules: { adopts: true },
      seen: { pair: [see(SECRET), see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'patches ClusterAuthToken t-1 (metadata); pending',
  ],
  [
    'adoption of a name that we do not need takes nothing away',
    {
      rules: { adopts: true, storage: 'inline' },
      seen: { ...NOTHING, attribute: see(attributeOf()), pair: [see(foreign(SECRET))] },
    },
    'creates ClusterAuthToken t-1; pending',
  ],
  [
    'inline, someone else’s Secret of that name is in nobody’s way',
    { rules: { storage: 'inline' }, seen: { pair: [see(foreign(SECRET))], before: undefined } },
    'creates ClusterAuthToken t-1; pending',
  ],
  // Suspended.
  [
    'a new token of a suspended cluster waits',
    { rules: { isPaused: true }, seen: NOTHING },
    'pending: Suspended',
  ],
  [
    'a disabled one goes all the same',
    { rules: { isPaused: true }, token: aToken({ enabled: false }) },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'and so does an earlier secret',
    {
      rules: { isPaused: true },
      token: rotated,
      seen: { pair: pairOf(aToken()).map((one) => see(one, rotated)) },
    },
    'deletes Secret t-1; pending: Suspended',
  ],
  // Drained, and held.
  [
    'a drained cluster is emptied',
    { rules: { mode: 'drain' } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  ['… until nothing is left', { rules: { mode: 'drain' }, seen: NOTHING }, 'nothing is left'],
  [
    'what a finalizer holds is waited for',
    {
      token: recreated,
      seen: { pair: [see(SECRET), see(held(CLUSTER_AUTH_TOKEN))], before: { state: 'pending' } },
    },
    'waits until ClusterAuthToken t-1 is gone; pending',
  ],
];

const noTokens = { tokens: [] };
const USER_ROWS: readonly [string, UserChanges, string][] = [
  [
    'a user with a wanted token',
    { seen: { object: undefined, tokens: [], before: undefined } },
    'creates ClusterUserAttribute u-1; pending',
  ],
  ['in sync', {}, 'synced'],
  [
    'without UserAttribute: no groups, and that is said',
    { attribute: undefined, seen: { object: see(attributeOf('u-1', [])) } },
    'synced, GroupsUnknown',
  ],
  [
    'a group less',
    { attribute: anAttribute({ GroupPrincipals: { local: groupsOf() } }, { resourceVersion: '2' }) },
    'patches ClusterUserAttribute u-1 (groups: []); pending',
  ],
  [
    'disabled: one write refuses all tokens',
    { user: aUser({ enabled: false }, { uid: 'uid-u-1', resourceVersion: '2' }) },
    'patches ClusterUserAttribute u-1 (enabled: false); pending',
  ],
  [
    'enabled there by hand',
    { user: aUser({ enabled: false }, { uid: 'uid-u-1' }) },
    'tells Repaired; patches ClusterUserAttribute u-1 (enabled: false); pending',
  ],
  ['absent: read live first', { user: undefined }, 'asks whether User u-1 exists'],
  [
    '… and its deletion was told: it goes before the tokens',
    { user: undefined, isGone: true, answers: told(['source/User/u-1', false]) },
    'deletes ClusterUserAttribute u-1; pending; wakes token/t-1',
  ],
  [
    '… and nobody told so',
    { user: undefined, answers: told(['source/User/u-1', false]) },
    'pending: GCBlocked; asks for a sweep',
  ],
  ['no wanted token, one still there', { ...noTokens }, 'synced'],
  ['no token any more', { ...noTokens, seen: { tokens: [] } }, 'deletes ClusterUserAttribute u-1; pending'],
  ['… and nothing is there', { ...noTokens, seen: { tokens: [], object: undefined } }, 'nothing is left'],
  [
    'someone else’s ClusterUserAttribute: pairs beside it go',
    { seen: { object: see(foreign(attributeOf())) } },
    'failed: Conflict; wakes token/t-1; again in 60 s',
  ],
  [
    'adoption takes it over',
    { rules: { adopts: true }, seen: { object: see(foreign(attributeOf())), before: undefined } },
    'patches ClusterUserAttribute u-1 (metadata); pending',
  ],
  [
    'suspended: a group may go',
    { rules: { isPaused: true }, attribute: anAttribute({ GroupPrincipals: { local: groupsOf('g-2') } }) },
    'patches ClusterUserAttribute u-1 (groups: []); pending: Suspended',
  ],
  ['drained, with tokens: they go first', { rules: { mode: 'drain' } }, 'nothing to do'],
  [
    'drained, without',
    { rules: { mode: 'drain' }, seen: { tokens: [] } },
    'deletes ClusterUserAttribute u-1; pending',
  ],
];

describe('a token', () => {
  test.each(TOKEN_ROWS)('%s', (_title, changes, said) => {
    expect(sentence(decideToken(tokenFacts(changes)))).toBe(said);
  });
});

describe('a user', () => {
  test.each(USER_ROWS)('%s', (_title, changes, said) => {
    expect(sentence(decideUser(userFacts(changes)))).toBe(said);
  });
});
