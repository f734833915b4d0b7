import { describe, expect, test } from 'vitest';
import { parseExtToken } from '../../../../src/api/parse-ext-token.ts';
import type { KubeObject } from '../../../../src/api/types.ts';
import * as sha3 from '../../../../src/hash/sha3-512.ts';
import * as sha256 from '../../../../src/hash/sha256.ts';
import { decideToken } from '../../../../src/operator/decide/decide-token.ts';
import { decideUser } from '../../../../src/operator/decide/decide-user.ts';
import type { PairOfUser } from '../../../../src/operator/decide/facts.ts';
import {
  anAttribute,
  aToken,
  aUser,
  groupsOf,
  HOUR,
  NOW,
  NOW_TEXT,
  rawExtToken,
  timeText,
} from '../../../support/builders.ts';
import {
  attributeOf,
  byRancher,
  finalized,
  foreign,
  held,
  pairOf,
  rulesWith,
  see,
  type TokenChanges,
  tokenFacts,
  type UserChanges,
  userFacts,
} from '../../../support/decision-facts.ts';
import { sentence } from '../../../support/plan-sentence.ts';

// States × events. Each row: what differs from one token in sync, and the plan as a sentence.

const [SECRET, CLUSTER_AUTH_TOKEN] = pairOf(aToken()) as [KubeObject, KubeObject];
const PENDING = { before: { state: 'pending' } } as const;
/** As Rancher writes it. */
const hashSecret = (more: object = {}): KubeObject => ({
  ...SECRET,
  data: { hash: Buffer.from(sha3.hash('secret-1')).toString('base64'), ...more },
});
const SWITCHED_OFF = { ...CLUSTER_AUTH_TOKEN, enabled: false };
/** A stranger's, switched off by adoption for the token with that UID. */
const closed = (uid: string): KubeObject => {
  const object = foreign(SWITCHED_OFF);
  return { ...object, metadata: { ...object.metadata, annotations: { 'ace-operator.io/closed-for': uid } } };
};
const NOTHING = { pair: [], attribute: undefined, before: undefined };
const told = (...answers: [string, boolean][]): ReadonlyMap<string, boolean> => new Map(answers);
const expiring = aToken({ expiresAt: timeText(NOW + HOUR) });
const rotated = aToken({ token: 'secret-2' });
const recreated = aToken({}, { uid: 'uid-other', resourceVersion: '2' });
const another = aToken({ token: 'secret-2' }, { uid: 'uid-other', resourceVersion: '2' });
const ofAnotherUser = aToken({ userId: 'u-2' });
const INLINE = pairOf(aToken(), rulesWith({ storage: 'inline' })).map((object) => see(object));
const EMPTIED = INLINE.map(({ object: { hash: _hash, ...rest } }) => see(rest as KubeObject));
const TWICE = [see(SECRET), ...INLINE];
const slow = { hash: { kind: 'toMake' } } as const;
const ext = parseExtToken(rawExtToken({ ttl: '-1' }));
const extPair = pairOf(ext).map((object) => see(object, ext));
const ofExt = { token: ext, seen: { pair: extPair } } as const;
const blankExt = parseExtToken(rawExtToken({ ttl: '-1', hash: '' }));
const absent = { token: undefined, user: undefined };
const refusedConflict = { state: 'refused', reason: 'Conflict' } as const;

/** It was there before anybody could be about to carry it. */
const old = aToken({}, { creationTimestamp: timeText(NOW - HOUR) });
const HASHED = { annotations: { 'authn.management.cattle.io/token-hashed': 'true' } };
const RANCHERS = see(byRancher(attributeOf()));
const WIDER = see(byRancher(attributeOf('u-1', ['g-1', 'g-2'])));
const GOES =
  'tells Conflict; deletes ClusterAuthToken t-1; deletes Secret t-1; refused: Conflict; again in 60 s';

const TOKEN_ROWS: readonly [string, TokenChanges, string][] = [
  // Taken over from another writer.
  [
    'adoption takes the user over first: else nobody would keep the groups current',
    {
      rules: { adopts: true },
      seen: {
        pair: [hashSecret(), CLUSTER_AUTH_TOKEN].map((object) => see(foreign(object))),
        attribute: see(foreign(attributeOf())),
        before: undefined,
      },
    },
    'pending; asks for user u-1 first',
  ],
  // Beside another writer's ClusterUserAttribute.
  [
    'beside Rancher’s own ClusterUserAttribute a token that Rancher left aside gets its pair, and nothing else is written',
    { token: old, seen: { ...NOTHING, attribute: RANCHERS } },
    'creates Secret t-1; creates ClusterAuthToken t-1; pending',
  ],
  [
    '… but Rancher has the first go at a new one',
    { seen: { ...NOTHING, attribute: RANCHERS } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… unless its hash is stored in a format that Rancher skips',
    { token: aToken({ token: sha256.hash('secret-1') }, HASHED), seen: { ...NOTHING, attribute: RANCHERS } },
    'creates Secret t-1; creates ClusterAuthToken t-1; pending',
  ],
  ['… and is in sync with it', { token: old, seen: { attribute: RANCHERS } }, 'synced'],
  [
    '… not beside one that gives more groups than the user has',
    { token: old, seen: { ...NOTHING, attribute: WIDER } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… where a pair is there, the user’s groups are read live first: one of two watches may be behind',
    { token: old, seen: { attribute: WIDER } },
    'asks whether user u-1 has all groups that are there',
  ],
  [
    '… the pair stays while our own watch is behind',
    { token: old, seen: { attribute: WIDER }, answers: told(['groups/u-1', true]) },
    'again in 1 s, first',
  ],
  [
    '… and goes when the user has lost a group that stands there',
    { token: old, seen: { attribute: WIDER }, answers: told(['groups/u-1', false]) },
    GOES,
  ],
  [
    '… and when the user was disabled, whatever stands there',
    { token: old, user: aUser({ enabled: false }), seen: { attribute: RANCHERS } },
    GOES,
  ],
  [
    '… also in a suspended cluster',
    {
      token: old,
      rules: { isPaused: true },
      user: aUser({ enabled: false }),
      seen: { attribute: RANCHERS },
    },
    GOES,
  ],
  [
    '… groups that cannot be read take nothing away',
    {
      token: old,
      seen: { attribute: WIDER },
      known: { userAttribute: anAttribute({ GroupPrincipals: 'none' }) },
    },
    'synced',
  ],
  // Of ext.cattle.io.
  ['an ext token in sync: nothing to write', ofExt, 'synced'],
  [
    'its hash is gone from its Secret: what it is let in by stays, and the hash is looked for',
    { ...ofExt, token: blankExt },
    'pending: HashPending; again in 60 s',
  ],
  [
    '… but not what is of an earlier ext token of that name',
    { ...ofExt, token: { ...blankExt, uid: 'uid-other' } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    '… nor when it is disabled',
    { ...ofExt, token: { ...blankExt, enabled: false } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'it is absent: its Secret is asked for, not a Token',
    { seen: { pair: extPair }, ...absent },
    'asks whether Secret t-1 exists',
  ],
  [
    '… and is there: the watch lags behind',
    { seen: { pair: extPair }, ...absent, answers: told(['source/Secret/t-1', true]) },
    'again in 1 s, first',
  ],
  [
    '… and is not, and that was told',
    {
      ...{ seen: { pair: extPair }, ...absent, known: { isTokenGone: true } },
      answers: told(['source/Secret/t-1', false]),
    },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'that no Token has its name says nothing of it',
    {
      ...{ seen: { pair: extPair }, ...absent, known: { isTokenGone: true } },
      answers: told(['source/Token/t-1', false]),
    },
    'asks whether Secret t-1 exists',
  ],
  [
    'a Token has the name of one that is there, while those are not read: it is asked for first',
    { seen: { pair: extPair }, known: { isExtUnread: true } },
    'asks whether Secret t-1 exists',
  ],
  [
    '… and is there: the Token waits, as nobody of it was ever let in',
    {
      ...{ seen: { pair: extPair }, known: { isExtUnread: true } },
      answers: told(['source/Secret/t-1', true]),
    },
    'pending: NameCollision; again in 10 s',
  ],
  [
    '… also when the Token is not wanted here: that says nothing of the other',
    {
      ...{ token: aToken({ clusterName: 'c-2' }), seen: { pair: extPair }, known: { isExtUnread: true } },
      answers: told(['source/Secret/t-1', true]),
    },
    'pending: NameCollision; again in 10 s',
  ],
  [
    '… and is gone for certain: the Token takes the name',
    {
      ...{ seen: { pair: extPair, before: undefined }, known: { isExtUnread: true } },
      answers: told(['source/Secret/t-1', false], ['user/u-1', true]),
    },
    'deletes ClusterAuthToken t-1; patches Secret t-1 (metadata, data); creates ClusterAuthToken t-1; pending',
  ],
  ['a Token that is there stays, whatever cannot be read', { known: { isExtUnread: true } }, 'synced'],
  [
    '… and goes when it is disabled',
    { token: aToken({ enabled: false }), known: { isExtUnread: true } },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'a new Token, while those of ext.cattle.io are not read: whether an older one has its name is asked',
    { seen: NOTHING, known: { isExtUnread: true } },
    'asks whether an older token of ext.cattle.io is called t-1',
  ],
  [
    '… one has: the Token would have to go again',
    { seen: NOTHING, known: { isExtUnread: true }, answers: told(['rival/t-1', true]) },
    'pending: NameCollision; again in 10 s',
  ],
  [
    '… none has, or nobody may tell: it is carried',
    { seen: NOTHING, known: { isExtUnread: true }, answers: told(['rival/t-1', false]) },
    'pending; asks for user u-1 first',
  ],
  [
    '… of one that is not wanted nothing is asked',
    {
      ...{ token: aToken({ enabled: false }), seen: NOTHING, known: { isExtUnread: true } },
    },
    'tells Disabled; refused: Disabled; wakes user/u-1',
  ],
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
    '… but not before the management plane, too, says that it has: our clock may be ahead',
    {
      token: expiring,
      rules: { nowMs: NOW + 2 * HOUR, agreedMs: NOW + HOUR / 2 },
      seen: { pair: pairOf(expiring).map((one) => see({ ...one, expiresAt: '2026-01-01T01:00:00Z' })) },
    },
    'synced; again in 1800 s, first',
  ],
  [
    'a disabled user is refused by one write at the user, and the token stays',
    { user: aUser({ enabled: false }) },
    'refused: UserDisabled',
  ],
  [
    'a new token of a user who was just disabled: that one write goes first',
    { user: aUser({ enabled: false }), seen: { ...PENDING, pair: [] } },
    'pending; asks for user u-1 first',
  ],
  [
    '… and while it does not succeed, nothing is given',
    { user: aUser({ enabled: false }), seen: { ...PENDING, pair: [] }, answers: told(['user/u-1', true]) },
    'pending; again in 1 s',
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
    'made again with the same user and secret: it is marked anew, and let in at every moment',
    { token: recreated, seen: { before: { state: 'synced', version: '1' } } },
    'patches Secret t-1 (metadata); patches ClusterAuthToken t-1 (metadata); pending',
  ],
  [
    '… and nothing ends while only a check can tell whether it is the same secret',
    { ...slow, token: recreated, answers: told(['hash/uid-other', false]) },
    'pending: HashPending',
  ],
  [
    'another token of that name with another secret: the old one goes first',
    { token: another, seen: { ...PENDING, pair: pairOf(aToken()).map((one) => see(one, another)) } },
    'deletes ClusterAuthToken t-1; patches Secret t-1 (metadata, data); creates ClusterAuthToken t-1; pending',
  ],
  [
    '… and at once, whatever the new hash takes',
    {
      ...slow,
      token: another,
      seen: { pair: pairOf(aToken()).map((one) => see(one, another)) },
      answers: told(['hash/uid-other', false]),
    },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending: HashPending',
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
    'made again under its name for another cluster, which is about to have it: what is here is of the earlier one, and goes',
    {
      token: aToken({ clusterName: 'c-2' }, { uid: 'uid-other' }),
      known: { awaitedElsewhereSinceMs: NOW },
    },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'moved with another secret: what lets the old one in does not wait for the other cluster',
    {
      token: aToken({ clusterName: 'c-2', token: 'secret-2' }),
      known: { awaitedElsewhereSinceMs: NOW },
    },
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
    '… and our hash beside it stays, as after adoption that was switched off half-way: the token is good',
    { seen: { pair: [see(SECRET), see(foreign(CLUSTER_AUTH_TOKEN))] } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… but not of another user: half of a pair must not complete a stranger’s',
    { seen: { pair: [see(SECRET), see(foreign({ ...CLUSTER_AUTH_TOKEN, userName: 'u-2' }))] } },
    'tells Conflict; deletes Secret t-1; refused: Conflict; again in 60 s',
  ],
  [
    '… nor beside what another Cluster of ours wrote',
    { seen: { pair: [see(SECRET), { ...see(foreign(CLUSTER_AUTH_TOKEN)), sibling: 'c-2' }] } },
    'tells Conflict; deletes Secret t-1; refused: Conflict; again in 60 s',
  ],
  [
    '… and is empty while the token is disabled: without it the stranger’s lets nobody in, and nobody would write another',
    {
      token: aToken({ enabled: false }),
      seen: { pair: [see(SECRET), see(foreign(CLUSTER_AUTH_TOKEN))] },
    },
    'patches Secret t-1 (metadata, data); pending; wakes user/u-1',
  ],
  [
    '… and goes when the token does',
    {
      token: aToken({}, { deletionTimestamp: NOW_TEXT }),
      seen: { pair: [see(SECRET), see(foreign(CLUSTER_AUTH_TOKEN))] },
    },
    'deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    '… and becomes the hash of the present secret, where it is of an earlier one or another wrote over it',
    {
      token: rotated,
      seen: { pair: [see(SECRET, rotated), see(foreign(CLUSTER_AUTH_TOKEN))] },
    },
    'tells Conflict; patches Secret t-1 (metadata, data); refused: Conflict; again in 60 s',
  ],
  [
    '… which, where it is still to be made, is none for as long as that takes',
    {
      ...slow,
      token: rotated,
      seen: { pair: [see(SECRET, rotated), see(foreign(CLUSTER_AUTH_TOKEN))] },
    },
    'tells Conflict; patches Secret t-1 (metadata, data); refused: Conflict; asks for its hash',
  ],
  [
    '… and suspended, too, an earlier one ends',
    {
      rules: { isPaused: true },
      token: rotated,
      seen: { pair: [see(SECRET, rotated), see(foreign(CLUSTER_AUTH_TOKEN))] },
    },
    'tells Conflict; patches Secret t-1 (metadata, data); refused: Conflict; again in 60 s',
  ],
  [
    'with adoption, a stranger’s ClusterAuthToken of a disabled token is switched off, and not deleted',
    {
      ...{ rules: { adopts: true }, token: aToken({ enabled: false }) },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'patches ClusterAuthToken t-1 (metadata, enabled: false); pending; wakes user/u-1',
  ],
  [
    '… of an expired one, too',
    {
      ...{ rules: { adopts: true }, token: aToken({ expiresAt: timeText(NOW) }) },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'patches ClusterAuthToken t-1 (metadata, enabled: false); pending; wakes user/u-1',
  ],
  [
    '… and while suspended',
    {
      ...{ rules: { adopts: true, isPaused: true }, token: aToken({ enabled: false }) },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'patches ClusterAuthToken t-1 (metadata, enabled: false); pending; wakes user/u-1',
  ],
  [
    '… and then it is refused',
    {
      ...{ rules: { adopts: true }, token: aToken({ enabled: false }) },
      seen: { pair: [see(foreign(SWITCHED_OFF))], before: { state: 'pending' } },
    },
    'tells Disabled; refused: Disabled; wakes user/u-1',
  ],
  [
    '… with what is ours beside it',
    {
      ...{ rules: { adopts: true }, token: aToken({ enabled: false }) },
      seen: { pair: [see(SECRET), see(foreign(CLUSTER_AUTH_TOKEN))] },
    },
    'patches ClusterAuthToken t-1 (metadata, enabled: false); patches Secret t-1 (metadata, data); pending; wakes user/u-1',
  ],
  [
    'one of a token that is for another cluster, or for none, is left alone',
    {
      ...{ rules: { adopts: true }, token: aToken({ clusterName: 'c-2' }) },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'nothing is left; wakes user/u-1',
  ],
  [
    'one whose user is absent: the user is read live first',
    {
      ...{ rules: { adopts: true }, user: undefined },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'asks whether User u-1 exists',
  ],
  [
    'one of a token that is absent, and nobody told of its deletion: not ours to judge',
    { ...absent, rules: { adopts: true }, seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))] } },
    'nothing is left',
  ],
  [
    '… and that was told: read live, of both kinds',
    {
      ...{ ...absent, rules: { adopts: true }, known: { isTokenGone: true } },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))] },
      answers: told(['source/Token/t-1', false]),
    },
    'asks whether Secret t-1 exists',
  ],
  [
    '… and is in neither',
    {
      ...{ ...absent, rules: { adopts: true }, known: { isTokenGone: true } },
      seen: { pair: [see(foreign(CLUSTER_AUTH_TOKEN))] },
      answers: told(['source/Token/t-1', false], ['source/Secret/t-1', false]),
    },
    'patches ClusterAuthToken t-1 (enabled: false); pending',
  ],
  [
    'adoption has ended, and a token is good again whose ClusterAuthToken it had switched off: switched on again',
    { seen: { pair: [see(closed('uid-t-1'))], before: undefined } },
    'tells Conflict; patches ClusterAuthToken t-1 (metadata, enabled: true); refused: Conflict; again in 60 s',
  ],
  [
    '… but not for another token of that name',
    { seen: { pair: [see(closed('uid-other'))], before: undefined } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… nor in a suspended cluster',
    { rules: { isPaused: true }, seen: { pair: [see(closed('uid-t-1'))], before: undefined } },
    'tells Conflict; refused: Conflict; again in 60 s',
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
    'adoption takes the hash of a token over, beside a token',
    {
      rules: { adopts: true },
      seen: { pair: [see(foreign(hashSecret())), see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'patches Secret t-1 (metadata, data); patches ClusterAuthToken t-1 (metadata); pending',
  ],
  [
    '… but no Secret without a token beside it: the name of a token is anybody’s choice',
    { rules: { adopts: true }, seen: { pair: [see(foreign(hashSecret()))], before: undefined } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… nor one with anything else in it',
    {
      rules: { adopts: true },
      seen: {
        pair: [see(foreign(hashSecret({ url: 'aHR0cHM6Ly8=' }))), see(foreign(CLUSTER_AUTH_TOKEN))],
        before: undefined,
      },
    },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… nor one whose hash is of no known format',
    {
      rules: { adopts: true },
      seen: { pair: [see(foreign(SECRET)), see(foreign(CLUSTER_AUTH_TOKEN))], before: undefined },
    },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    'adoption deletes nothing: a stranger’s token of another user is closed, and patched when its hash is ours',
    {
      rules: { adopts: true },
      token: ofAnotherUser,
      seen: {
        attribute: see(attributeOf('u-2')),
        pair: [see(foreign(hashSecret())), see(foreign(CLUSTER_AUTH_TOKEN))],
        before: undefined,
      },
    },
    'patches ClusterAuthToken t-1 (enabled: false); patches Secret t-1 (metadata, data); ' +
      'patches ClusterAuthToken t-1 (metadata, userName: "u-2", enabled: true); pending',
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
  // Moved from one place to the other.
  [
    'storage inline: the hash is written there first, and its Secret stays',
    { rules: { storage: 'inline' } },
    'tells Repaired; patches ClusterAuthToken t-1 (metadata, hash); pending',
  ],
  [
    '… for as long as an authenticator may take to hear of both',
    { rules: { storage: 'inline' }, seen: { pair: TWICE, hashTwiceSinceMs: NOW - 1_000 } },
    'pending; again in 4 s',
  ],
  [
    '… and then it goes',
    { rules: { storage: 'inline' }, seen: { ...PENDING, pair: TWICE, hashTwiceSinceMs: NOW - 5_000 } },
    'deletes Secret t-1; pending',
  ],
  ['and back: the Secret first', { seen: { ...PENDING, pair: INLINE } }, 'creates Secret t-1; pending'],
  ['… both for a while', { seen: { pair: TWICE, hashTwiceSinceMs: NOW } }, 'pending; again in 5 s'],
  [
    '… and then the ClusterAuthToken’s is cleared',
    { seen: { ...PENDING, pair: TWICE, hashTwiceSinceMs: NOW - 5_000 } },
    'patches ClusterAuthToken t-1 (metadata, hash); pending',
  ],
  [
    'a legacy one that adoption takes over, too',
    {
      rules: { adopts: true },
      seen: { ...PENDING, pair: INLINE.map(({ object }) => see(foreign(object))) },
    },
    'creates Secret t-1; patches ClusterAuthToken t-1 (metadata); pending',
  ],
  [
    'one that somebody put into the ClusterAuthToken, of nobody knows what, goes at once',
    {
      seen: {
        pair: TWICE.map((one) => ({ ...one, isOfPresentSecret: one.object.kind === 'Secret' })),
        hashTwiceSinceMs: NOW,
      },
    },
    'tells Repaired; patches ClusterAuthToken t-1 (metadata, hash); pending',
  ],
  [
    'one of an earlier secret is kept nowhere for that',
    {
      rules: { storage: 'inline' },
      ...{ token: rotated, seen: { ...PENDING, pair: pairOf(aToken()).map((one) => see(one, rotated)) } },
    },
    'patches ClusterAuthToken t-1 (metadata, hash); deletes Secret t-1; pending',
  ],
  // Moved by someone else.
  [
    'storage inline: the hash is gone from our ClusterAuthToken, so it is asked for where it was moved to',
    { ...slow, rules: { storage: 'inline' }, seen: { pair: EMPTIED } },
    'asks whether the hash was moved into Secret t-1',
  ],
  [
    '… and it is there, and stays: to put it back would never end',
    { ...slow, rules: { storage: 'inline' }, seen: { pair: EMPTIED }, answers: told(['moved/t-1', true]) },
    'synced',
  ],
  [
    '… and all else is kept current',
    {
      ...{
        ...slow,
        token: aToken({ ttl: HOUR }),
        rules: { storage: 'inline' },
        seen: { ...PENDING, pair: EMPTIED },
      },
      answers: told(['moved/t-1', true]),
    },
    'patches ClusterAuthToken t-1 (expiresAt: "2026-01-01T01:00:00Z"); pending; again in 3600 s, first',
  ],
  [
    '… and it is not: written again',
    { rules: { storage: 'inline' }, seen: { pair: EMPTIED }, answers: told(['moved/t-1', false]) },
    'tells Repaired; patches ClusterAuthToken t-1 (hash); pending',
  ],
  [
    '… and a disabled one goes',
    { token: aToken({ enabled: false }), rules: { storage: 'inline' }, seen: { pair: EMPTIED } },
    'deletes ClusterAuthToken t-1; pending; wakes user/u-1',
  ],
  [
    '… and the hash that is there is of an earlier secret, which ends while the next is made',
    {
      ...slow,
      rules: { storage: 'inline' },
      seen: { ...PENDING, pair: EMPTIED.map((one) => ({ ...one, isOfEarlierSecret: true })) },
      answers: told(['moved/t-1', false], ['hash/uid-t-1', false]),
    },
    'deletes ClusterAuthToken t-1; pending: HashPending',
  ],
  [
    '… or while the cluster is suspended',
    {
      rules: { storage: 'inline', isPaused: true },
      seen: { ...PENDING, pair: EMPTIED.map((one) => ({ ...one, isOfEarlierSecret: true })) },
      answers: told(['moved/t-1', false]),
    },
    'deletes ClusterAuthToken t-1; pending: Suspended',
  ],
  // Another's Secret, while our ClusterAuthToken holds the hash itself.
  [
    'storage secret: someone else’s Secret has the name, and the hash in our ClusterAuthToken stays',
    { seen: { pair: INLINE, refusedBy: 'Secret t-1' } },
    'tells Conflict; refused: Conflict; again in 60 s',
  ],
  [
    '… and all else is kept current',
    {
      token: aToken({ ttl: HOUR }),
      seen: { pair: INLINE, before: refusedConflict, refusedBy: 'Secret t-1' },
    },
    'patches ClusterAuthToken t-1 (expiresAt: "2026-01-01T01:00:00Z"); refused: Conflict; again in 60 s',
  ],
  [
    '… a ClusterAuthToken without a hash of its own does not: it would complete the stranger’s',
    { seen: { pair: [see(CLUSTER_AUTH_TOKEN)], refusedBy: 'Secret t-1' } },
    'tells Conflict; deletes ClusterAuthToken t-1; refused: Conflict; again in 60 s',
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
    'what a finalizer holds is closed and waited for',
    {
      token: another,
      seen: { pair: [see(SECRET), see(held(CLUSTER_AUTH_TOKEN))], before: { state: 'pending' } },
    },
    'patches ClusterAuthToken t-1 (enabled: false); waits until ClusterAuthToken t-1 is gone; pending',
  ],
  [
    'what a finalizer would hold is closed before it is deleted: not everyone looks whether it is being deleted',
    { token: aToken({ enabled: false }), seen: { pair: [see(SECRET), see(finalized(CLUSTER_AUTH_TOKEN))] } },
    'patches ClusterAuthToken t-1 (enabled: false); deletes ClusterAuthToken t-1; deletes Secret t-1; pending; wakes user/u-1',
  ],
  [
    'a Secret that nobody may change goes, its ClusterAuthToken before it, and both come anew',
    {
      token: rotated,
      seen: {
        ...PENDING,
        pair: [see({ ...SECRET, immutable: true }, rotated), see(CLUSTER_AUTH_TOKEN, rotated)],
      },
    },
    'deletes ClusterAuthToken t-1; deletes Secret t-1; creates Secret t-1; creates ClusterAuthToken t-1; pending',
  ],
  [
    '… but stays where nothing but a mark is to be written',
    {
      token: recreated,
      seen: { ...PENDING, pair: [see({ ...SECRET, immutable: true }), see(CLUSTER_AUTH_TOKEN)] },
    },
    'patches Secret t-1 (metadata); patches ClusterAuthToken t-1 (metadata); pending',
  ],
];

const GATED = {
  object: see({ ...attributeOf(), enabled: false }),
  before: undefined,
};
const expired = aToken({ expiresAt: timeText(NOW) });
interface PairChanges extends Partial<Omit<PairOfUser, 'clusterAuthToken'>> {
  readonly isClosed?: boolean;
  readonly expiresAt?: string;
}
function pairOfUser({ isClosed = false, expiresAt, ...changes }: PairChanges = {}): PairOfUser {
  return {
    ...{ token: aToken(), isOfEarlierSecret: false, isOfUnknownSecret: false, isMoving: false },
    ...{ ours: [CLUSTER_AUTH_TOKEN], isOfUnread: false, before: undefined },
    ...changes,
    clusterAuthToken: {
      ...CLUSTER_AUTH_TOKEN,
      enabled: !isClosed,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    },
  };
}

const noTokens = { tokens: [] };
const USER_ROWS: readonly [string, UserChanges, string][] = [
  [
    'a user with a wanted token',
    { seen: { object: undefined, tokens: [], before: undefined } },
    'creates ClusterUserAttribute u-1; pending',
  ],
  ['in sync', {}, 'synced'],
  [
    'taken over, and their token is in another writer’s care again: they stay, as it is judged by them',
    {
      tokens: [{ token: aToken(), before: { state: 'refused', reason: 'Conflict' } }],
      seen: { tokens: [] },
    },
    'synced',
  ],
  [
    '… and are not written for its sake where they are not',
    {
      tokens: [{ token: aToken(), before: { state: 'refused', reason: 'Conflict' } }],
      seen: { object: undefined, tokens: [], before: undefined },
    },
    'nothing is left; wakes token/t-1',
  ],
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
  [
    'enabled again: at once where nothing has to go first',
    { seen: { ...GATED, pairs: [pairOfUser()] } },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    '… but not while a disabled token of theirs is still there',
    { seen: { ...GATED, pairs: [pairOfUser(), pairOfUser({ token: aToken({ enabled: false }) })] } },
    'pending; again in 1 s',
  ],
  [
    '… nor a deleted one',
    { seen: { ...GATED, pairs: [pairOfUser({ token: undefined })] } },
    'pending; again in 1 s',
  ],
  [
    '… nor one with an earlier secret',
    { seen: { ...GATED, pairs: [pairOfUser({ isOfEarlierSecret: true })] } },
    'pending; again in 1 s',
  ],
  [
    '… nor one of which nobody can tell, until it is replaced',
    { seen: { ...GATED, pairs: [pairOfUser({ isOfUnknownSecret: true })] } },
    'pending; again in 1 s',
  ],
  [
    '… unless that cannot be',
    {
      seen: {
        ...GATED,
        pairs: [pairOfUser({ isOfUnknownSecret: true, before: { state: 'refused', reason: 'Conflict' } })],
      },
    },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    '… nor another user’s by now',
    { seen: { ...GATED, pairs: [pairOfUser({ token: ofAnotherUser })] } },
    'pending; again in 1 s',
  ],
  [
    '… though it may well be there when it is switched off',
    { seen: { ...GATED, pairs: [pairOfUser({ token: undefined, isClosed: true })] } },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    '… or has expired by what stands in it',
    { seen: { ...GATED, pairs: [pairOfUser({ token: expired, expiresAt: timeText(NOW) })] } },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    '… which it does not when its expiry was cut upstream',
    { seen: { ...GATED, pairs: [pairOfUser({ token: expired, expiresAt: timeText(NOW + HOUR) })] } },
    'pending; again in 1 s',
  ],
  [
    '… or when nobody knows it to be revoked, and a person has to look',
    {
      seen: {
        ...GATED,
        pairs: [pairOfUser({ token: undefined, before: { state: 'pending', reason: 'GCBlocked' } })],
      },
    },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    '… or when it is of an ext token whose hash is missing, and which stays',
    { seen: { ...GATED, pairs: [pairOfUser({ token: blankExt, ours: pairOf(ext) })] } },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    '… but not while it is of an earlier one of that name, which goes',
    { seen: { ...GATED, pairs: [pairOfUser({ token: blankExt })] } },
    'pending; again in 1 s',
  ],
  [
    '… nor of a Token whose secret is missing, which goes, too',
    { seen: { ...GATED, pairs: [pairOfUser({ token: aToken({ token: '' }) })] } },
    'pending; again in 1 s',
  ],
  [
    '… while tokens of ext.cattle.io are not read, one of them keeps nobody out',
    { seen: { ...GATED, pairs: [pairOfUser({ token: undefined, isOfUnread: true })] } },
    'patches ClusterUserAttribute u-1 (enabled: true); pending',
  ],
  [
    'a user who is not there at all waits just so',
    { seen: { object: undefined, before: undefined, pairs: [pairOfUser({ token: undefined })] } },
    'pending; again in 1 s',
  ],
  [
    'and what is to be taken from them meanwhile is taken',
    {
      attribute: anAttribute({ GroupPrincipals: { local: groupsOf() } }),
      seen: { ...GATED, pairs: [pairOfUser({ token: undefined })] },
    },
    'patches ClusterUserAttribute u-1 (groups: []); pending; again in 1 s',
  ],
  [
    'groups whose UserAttribute our store does not have: read live first',
    { attribute: undefined },
    'asks whether UserAttribute u-1 exists',
  ],
  [
    '… and the switch does not wait for that',
    { attribute: undefined, user: aUser({ enabled: false }, { uid: 'uid-u-1' }) },
    'patches ClusterUserAttribute u-1 (enabled: false); asks whether UserAttribute u-1 exists',
  ],
  [
    '… it exists: they stay, and our store is behind',
    { attribute: undefined, answers: told(['source/UserAttribute/u-1', true]) },
    'synced, GroupsUnknown; again in 1 s, first',
  ],
  [
    '… it does not: the user may be gone, too',
    { attribute: undefined, answers: told(['source/UserAttribute/u-1', false]) },
    'asks whether User u-1 exists',
  ],
  [
    '… and is: they stay, until that is told',
    {
      attribute: undefined,
      answers: told(['source/UserAttribute/u-1', false], ['source/User/u-1', false]),
    },
    'synced, GroupsUnknown; again in 1 s, first',
  ],
  [
    '… and is not: they go',
    {
      attribute: undefined,
      answers: told(['source/UserAttribute/u-1', false], ['source/User/u-1', true]),
      seen: { before: undefined },
    },
    'patches ClusterUserAttribute u-1 (groups: []); pending',
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
    'Rancher’s own, which gives what we would: tokens are judged by it',
    { seen: { object: RANCHERS, before: undefined } },
    'synced',
  ],
  [
    '… and those that waited are looked at',
    { tokens: [{ token: old, before: refusedConflict }], seen: { object: RANCHERS, tokens: [] } },
    'nothing is left; wakes token/t-1',
  ],
  [
    '… which gives more: pairs beside it go',
    { seen: { object: WIDER } },
    'failed: Conflict; wakes token/t-1; again in 60 s',
  ],
  [
    '… which gives less: Rancher has to add what is missing',
    {
      attribute: anAttribute({ GroupPrincipals: { local: groupsOf('g-1', 'g-3') } }),
      seen: { object: RANCHERS },
    },
    'failed: Conflict; again in 60 s',
  ],
  [
    '… of a user who was disabled: pairs beside it go',
    { user: aUser({ enabled: false }), seen: { object: RANCHERS } },
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
