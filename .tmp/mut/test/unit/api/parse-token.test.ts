import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED, isObjectName } from '../../../src/api/names.ts';
import { parseToken } from '../../../src/api/parse-token.ts';
import type { Token } from '../../../src/api/types.ts';
import { aToken, CANARY, HOUR, type Json, NOW, NOW_TEXT, rawToken } from '../../support/builders.ts';

const HASHED = { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } };

describe('parseToken', () => {
  test('every field that Rancher writes, in one object', () => {
    const raw = {
      apiVersion: 'management.cattle.io/v3',
      kind: 'Token',
      metadata: {
        name: 'token-abcde',
        uid: 'uid-1',
        resourceVersion: '42',
        creationTimestamp: NOW_TEXT,
        labels: { 'authn.management.cattle.io/token-userId': 'u-1', 'cattle.io/creator': 'norman' },
        annotations: { 'lifecycle.cattle.io/create.cat-token-controller_c-1': 'true' },
        finalizers: ['clusterscoped.controller.cattle.io/cat-token-controller_c-1'],
      },
      token: 'plain-secret',
      userPrincipal: {
        metadata: { name: 'local://u-1', creationTimestamp: null },
        principalType: 'user',
        me: true,
      },
      providerInfo: { access_token: 'x' },
      userId: 'u-1',
      authProvider: 'local',
      ttl: 3_600_000,
      lastUsedAt: NOW_TEXT,
      isDerived: true,
      description: 'Kubeconfig token',
      expired: false,
      expiresAt: '2026-01-01T01:00:00Z',
      current: false,
      clusterName: 'c-m-12345678',
      enabled: true,
    };
    expect(parseToken(raw)).toEqual({
      api: 'v3',
      shownUid: 'uid-1',
      name: 'token-abcde',
      namespace: '',
      uid: 'uid-1',
      resourceVersion: '42',
      userName: 'u-1',
      clusterName: 'c-m-12345678',
      secret: { kind: 'plain', value: 'plain-secret' },
      enabled: true,
      deleting: false,
      createdAtMs: NOW,
      ttlMs: HOUR,
      expiresAtMs: NOW + HOUR,
      lastUsedAtMs: NOW,
      isInRanchersCare: false,
      problem: undefined,
    });
  });

  const readings: Record<string, { fields?: Json; metadata?: Json; want: Partial<Token> }> = {
    'absent enabled means enabled': { fields: { enabled: undefined }, want: { enabled: true } },
    'null enabled means enabled': { fields: { enabled: null }, want: { enabled: true } },
    'false means disabled': { fields: { enabled: false }, want: { enabled: false } },
    'an empty expiresAt is not set': { fields: { expiresAt: '' }, want: { expiresAtMs: undefined } },
    'a null expiresAt is not set': { fields: { expiresAt: null }, want: { expiresAtMs: undefined } },
    'ttl 0 stays 0': { fields: { ttl: 0 }, want: { ttlMs: 0 } },
    'a null ttl is 0': { fields: { ttl: null }, want: { ttlMs: 0 } },
    'a negative ttl is kept: it has always expired': {
      fields: { ttl: -1 },
      want: { ttlMs: -1, problem: undefined },
    },
    'a lastUsedAt that cannot be read is no problem': {
      fields: { lastUsedAt: 'yesterday' },
      want: { lastUsedAtMs: undefined, problem: undefined },
    },
    'an absent clusterName is empty': { fields: { clusterName: undefined }, want: { clusterName: '' } },
    'the annotation says that the secret is a hash': {
      fields: { token: '$3:1:aa:bb' },
      metadata: HASHED,
      want: { secret: { kind: 'hashed', value: '$3:1:aa:bb' } },
    },
    'the annotation must say true': {
      metadata: { annotations: { [ANNOTATION_TOKEN_HASHED]: 'false' } },
      want: { secret: { kind: 'plain', value: 'secret-1' } },
    },
    'no secret yet is no problem': {
      fields: { token: '' },
      want: { secret: { kind: 'missing' }, problem: undefined },
    },
    'an absent secret is missing': { fields: { token: undefined }, want: { secret: { kind: 'missing' } } },
    'a hashed token without a hash is missing too': {
      fields: { token: '' },
      metadata: HASHED,
      want: { secret: { kind: 'missing' } },
    },
    'a deletionTimestamp means deleting': {
      metadata: { deletionTimestamp: NOW_TEXT },
      want: { deleting: true },
    },
    'an unreadable creation is long ago, so that a ttl has passed': {
      metadata: { creationTimestamp: null },
      want: { createdAtMs: 0 },
    },
    'a secret of any unicode is kept as it is': {
      fields: { token: 'ключ-🔑-\u0000' },
      want: { secret: { kind: 'plain', value: 'ключ-🔑-\u0000' } },
    },
    'a secret of 4096 characters is kept as it is, and of a longer one only that it is longer': {
      fields: { token: 'y'.repeat(1_000_000) },
      want: { secret: { kind: 'plain', value: 'x'.repeat(4_097) } },
    },
  };
  for (const [title, { fields, metadata, want }] of Object.entries(readings)) {
    test(title, () => {
      expect(aToken(fields, metadata)).toMatchObject(want);
    });
  }

  const malformed: Record<string, { fields?: Json; metadata?: Json; wantProblem: string }> = {
    'no userId': { fields: { userId: undefined }, wantProblem: 'userId: missing' },
    'an empty userId': { fields: { userId: '' }, wantProblem: 'userId: missing' },
    'a userId that is no object name': { fields: { userId: '../x' }, wantProblem: 'userId: ' },
    'a userId that is a number': { fields: { userId: 5 }, wantProblem: 'userId: ' },
    'a userId of 1 MB': { fields: { userId: 'u'.repeat(1_000_000) }, wantProblem: 'userId: ' },
    'a userId in another script': { fields: { userId: 'пользователь' }, wantProblem: 'userId: ' },
    'an expiresAt that is no time': {
      fields: { expiresAt: 'tomorrow' },
      wantProblem: 'expiresAt: not an RFC 3339 time',
    },
    'an expiresAt that is a number': { fields: { expiresAt: 1_767_225_600 }, wantProblem: 'expiresAt: ' },
    'an enabled that is a word': { fields: { enabled: 'yes' }, wantProblem: 'enabled: ' },
    'a ttl that is a string': { fields: { ttl: '3600000' }, wantProblem: 'ttl: ' },
    'a ttl with a fraction': { fields: { ttl: 0.5 }, wantProblem: 'ttl: ' },
    'a secret that is an object': { fields: { token: { value: CANARY } }, wantProblem: 'token: ' },
    'a clusterName that is a list': { fields: { clusterName: ['c-1'] }, wantProblem: 'clusterName: ' },
    'a name that no Secret can have': { metadata: { name: 'Token_1' }, wantProblem: 'metadata.name: ' },
    'a name that is too long for a Secret': {
      metadata: { name: 'a'.repeat(254) },
      wantProblem: 'metadata.name: ',
    },
  };
  for (const [title, { fields, metadata, wantProblem }] of Object.entries(malformed)) {
    test(`${title} is a problem of that token alone`, () => {
      const token = aToken(fields, metadata);
      expect(token.problem).toContain(wantProblem);
      expect(token.problem).not.toContain('\n');
      expect(token.problem?.length).toBeLessThan(500);
    });
  }

  test('a malformed token says where it would belong, and offers no secret', () => {
    expect(aToken({ enabled: 'yes', userId: 'u-9', clusterName: 'c-9' })).toMatchObject({
      userName: 'u-9',
      clusterName: 'c-9',
      secret: { kind: 'missing' },
      enabled: false,
    });
  });

  test('no problem ever repeats a value', () => {
    const text = fc.constant(CANARY);
    const wrong = fc.oneof(
      text,
      fc.array(text, { minLength: 1, maxLength: 2 }),
      fc.record({ value: text }),
      fc.double(),
      fc.boolean(),
    );
    const fields = fc.record(
      { userId: wrong, token: wrong, clusterName: wrong, enabled: wrong, ttl: wrong, expiresAt: wrong },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fields, (object) => {
        expect(aToken({ userId: `${CANARY}!`, ...object }).problem ?? '').not.toContain(CANARY);
      }),
    );
  });

  test('any JSON beside a name is read or refused, never thrown at', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fieldNames, fc.jsonValue({ maxDepth: 3 })),
        fc.string({ minLength: 1 }),
        (fields, name) => {
          const token = parseToken({ ...fields, metadata: { name } });
          expect(typeof token.enabled).toBe('boolean');
          expect(typeof token.userName).toBe('string');
          expect(Number.isFinite(token.ttlMs)).toBe(true);
          if (token.problem === undefined) expect(token.userName).not.toBe('');
        },
      ),
      { numRuns: 500 },
    );
  });

  test('what it returns cannot be changed', () => {
    for (const token of [aToken(), aToken({ enabled: 'yes' })]) {
      expect(() => {
        (token as { enabled: boolean }).enabled = true;
      }).toThrow(TypeError);
      expect(() => {
        (token.secret as { kind: string }).kind = 'plain';
      }).toThrow(TypeError);
    }
  });

  test('the raw object stays as it was', () => {
    const raw = rawToken();
    parseToken(raw);
    expect(Object.isFrozen(raw)).toBe(false);
    expect(raw).toEqual(rawToken());
  });
});

const fieldNames = fc.oneof(
  fc.constantFrom('userId', 'token', 'clusterName', 'enabled', 'ttl', 'expiresAt'),
  fc.string({ maxLength: 8 }),
);

describe('names that are too long for one', () => {
  const megabyte = 'u'.repeat(1_000_000);

  test('are not held, and name nothing', () => {
    const token = parseToken({
      metadata: { name: 't' },
      userId: megabyte,
      clusterName: megabyte,
      token: 's',
    });
    expect(token.userName.length + token.clusterName.length).toBeLessThan(100);
    expect(token.problem).toBe('userId: cannot be the name of an object');
    expect(isObjectName(token.clusterName)).toBe(false);
  });

  test('are not held of a token that cannot be read either', () => {
    const token = parseToken({ metadata: { name: 't' }, userId: megabyte, clusterName: megabyte, ttl: 'x' });
    expect(token.userName.length + token.clusterName.length).toBeLessThan(100);
  });
});
