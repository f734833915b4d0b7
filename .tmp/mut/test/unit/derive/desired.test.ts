import { describe, expect, test } from 'vitest';
import {
  desiredTokenObjects,
  desiredUserObject,
  type Placement,
  revocationsOf,
} from '../../../src/derive/desired.ts';
import { mergePatch, withoutNulls } from '../../../src/derive/merge-patch.ts';
import { anAttribute, aToken, aUser, groupsOf, NOW, NOW_TEXT } from '../../support/builders.ts';

const IN_SECRET: Placement = { cluster: 'c-1', namespace: 'cattle-system', storage: 'secret' };
const INLINE: Placement = { ...IN_SECRET, storage: 'inline' };
const HASH = { hash: '$3:1:salt:digest', fingerprint: 'f1' };
const LABELS = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' };

describe('desiredTokenObjects', () => {
  test('the Secret comes first, then the ClusterAuthToken that refers to it', () => {
    expect(desiredTokenObjects(aToken(), NOW, HASH, IN_SECRET)).toEqual([
      {
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: {
          name: 't-1',
          namespace: 'cattle-system',
          labels: LABELS,
          annotations: {
            'ace-operator.io/token-uid': 'uid-t-1',
            'ace-operator.io/token-api': null,
            'ace-operator.io/fingerprint': 'f1',
          },
        },
        type: 'Opaque',
        data: { hash: Buffer.from(HASH.hash).toString('base64') },
      },
      {
        apiVersion: 'cluster.cattle.io/v3',
        kind: 'ClusterAuthToken',
        metadata: {
          name: 't-1',
          namespace: 'cattle-system',
          labels: LABELS,
          annotations: {
            'ace-operator.io/token-uid': 'uid-t-1',
            'ace-operator.io/token-api': null,
            'ace-operator.io/fingerprint': null,
          },
        },
        userName: 'u-1',
        enabled: true,
        expiresAt: NOW_TEXT,
        hash: null,
      },
    ]);
  });

  test('inline there is no Secret, and the hash is in the ClusterAuthToken', () => {
    const objects = desiredTokenObjects(aToken(), undefined, HASH, INLINE);
    expect(objects).toHaveLength(1);
    expect(objects[0]).toMatchObject({
      kind: 'ClusterAuthToken',
      metadata: { annotations: { 'ace-operator.io/fingerprint': 'f1' } },
      hash: HASH.hash,
    });
  });

  test('a token without end has no expiresAt downstream', () => {
    const [, clusterAuthToken] = desiredTokenObjects(aToken(), undefined, HASH, IN_SECRET);
    expect(clusterAuthToken?.['expiresAt']).toBeNull();
  });

  test('the authenticator’s lastUsedAt is not named', () => {
    for (const object of desiredTokenObjects(aToken(), NOW, HASH, INLINE))
      expect(object).not.toHaveProperty('lastUsedAt');
  });

  test('the secret in plain text is in no object', () => {
    for (const placement of [IN_SECRET, INLINE]) {
      const text = JSON.stringify(desiredTokenObjects(aToken({ token: 'plain-text' }), NOW, HASH, placement));
      expect(text).not.toContain('plain-text');
      expect(text).not.toContain(Buffer.from('plain-text').toString('base64'));
    }
  });
});

describe('desiredUserObject', () => {
  test('a full one', () => {
    const attribute = anAttribute({
      GroupPrincipals: { local: groupsOf('b', 'a') },
      LastRefresh: NOW_TEXT,
      NeedsRefresh: true,
      ExtraByProvider: { local: { username: ['admin'] } },
    });
    expect(desiredUserObject(aUser(), attribute, IN_SECRET, undefined)).toEqual({
      apiVersion: 'cluster.cattle.io/v3',
      kind: 'ClusterUserAttribute',
      metadata: {
        name: 'u-1',
        namespace: 'cattle-system',
        labels: LABELS,
        annotations: { 'ace-operator.io/user-uid': 'uid-u-1' },
      },
      enabled: true,
      groups: ['a', 'b'],
      lastRefresh: NOW_TEXT,
      needsRefresh: true,
      extraByProvider: { local: { username: ['admin'] } },
    });
  });

  test('without a UserAttribute: empty groups, never nothing', () => {
    expect(withoutNulls(desiredUserObject(aUser(), undefined, IN_SECRET, undefined))).toMatchObject({
      enabled: true,
      groups: [],
      lastRefresh: '',
      needsRefresh: false,
    });
  });

  // Somebody's typing error upstream must not cost a user all rights everywhere.
  test('groups that cannot be read are left as they are downstream', () => {
    const unreadable = anAttribute({ GroupPrincipals: 'g', LastRefresh: NOW_TEXT });
    const wanted = desiredUserObject(aUser(), unreadable, IN_SECRET, NOW_TEXT);
    const current = { ...desiredUserObject(aUser(), undefined, IN_SECRET, NOW_TEXT), groups: ['g'] };
    expect(mergePatch(current, wanted)).toEqual({ lastRefresh: NOW_TEXT });
    expect(revocationsOf({ ...wanted, enabled: false }, current)).toMatchObject({
      enabled: false,
      groups: ['g'],
    });
  });

  const enabledCases = {
    'an enabled user': { user: aUser(), want: true },
    'a disabled user': { user: aUser({ enabled: false }), want: false },
    'a user that is being deleted': { user: aUser({}, { deletionTimestamp: NOW_TEXT }), want: false },
    'a user whose switch cannot be read': { user: aUser({ enabled: 'yes' }), want: false },
  };
  for (const [title, { user, want }] of Object.entries(enabledCases)) {
    test(`${title}: enabled is ${want}`, () => {
      expect(desiredUserObject(user, undefined, IN_SECRET, undefined)['enabled']).toBe(want);
    });
  }

  const refreshes = {
    'a refresh of the same time leaves the authenticator’s request alone': {
      observed: NOW_TEXT,
      want: undefined,
    },
    'a new refresh answers it': { observed: '2025-12-31T00:00:00Z', want: false },
    'a new object has it set': { observed: undefined, want: false },
  };
  for (const [title, { observed, want }] of Object.entries(refreshes)) {
    test(`needsRefresh: ${title}`, () => {
      const attribute = anAttribute({ LastRefresh: NOW_TEXT });
      expect(desiredUserObject(aUser(), attribute, IN_SECRET, observed)['needsRefresh']).toBe(want);
    });
  }
});
