import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isExtToken, parseExtToken } from '../../../src/api/parse-ext-token.ts';
import type { Token } from '../../../src/api/types.ts';
import { effectiveExpiryMs } from '../../../src/derive/expiry.ts';
import { CANARY, EXT_HASH, HOUR, NOW, NOW_TEXT, rawExtToken } from '../../support/builders.ts';

describe('parseExtToken', () => {
  test('every field that Rancher writes', () => {
    expect(parseExtToken(rawExtToken({ 'last-used-at': NOW_TEXT }))).toEqual({
      api: 'ext',
      name: 't-1',
      namespace: '',
      uid: 'uid-secret-1',
      shownUid: 'kube-uid-1',
      resourceVersion: '1',
      userName: 'u-1',
      clusterName: 'c-1',
      secret: { kind: 'hashed', value: EXT_HASH },
      enabled: true,
      deleting: false,
      createdAtMs: NOW,
      ttlMs: HOUR,
      expiresAtMs: undefined,
      lastUsedAtMs: NOW,
      isInRanchersCare: false,
      problem: undefined,
    });
  });

  test.each<[string, Record<string, string | null>, Partial<Token>]>([
    ['below nothing is for ever', { ttl: '-1' }, { ttlMs: 0, expiresAtMs: undefined, problem: undefined }],
    ['nothing is over at once', { ttl: '0' }, { expiresAtMs: NOW, problem: undefined }],
    ['no number', { ttl: 'soon' }, { problem: 'data.ttl: no whole number of milliseconds' }],
    ['no lifetime', { ttl: null }, { problem: 'data.ttl: no whole number of milliseconds' }],
    [
      'more than can be counted with',
      { ttl: '9223372036854775807' },
      { problem: expect.any(String) as never },
    ],
    ['off', { enabled: 'false' }, { enabled: false, problem: undefined }],
    ['no switch', { enabled: null }, { enabled: true, problem: undefined }],
    ['neither on nor off', { enabled: 'yes' }, { enabled: false, problem: expect.any(String) as never }],
    ['no cluster', { cluster: null }, { clusterName: '', problem: undefined }],
    ['no hash', { hash: null }, { secret: { kind: 'missing' }, problem: undefined }],
    ['an empty hash', { hash: '' }, { secret: { kind: 'missing' }, problem: undefined }],
    ['no user', { 'user-id': null }, { problem: 'data.user-id: missing' }],
    ['no uid', { 'kube-uid': null }, { problem: 'data.kube-uid: missing' }],
    [
      'no time of its last update',
      { 'last-update-time': null },
      { problem: 'data.last-update-time: missing' },
    ],
    ['no principal', { principal: null }, { problem: expect.stringContaining('principal') as never }],
    [
      'a principal that is none',
      { principal: 'null' },
      { problem: expect.stringContaining('principal') as never },
    ],
    [
      'a principal of nobody',
      { principal: '{"provider":"local"}' },
      { problem: expect.stringContaining('principal') as never },
    ],
    [
      'a name that no object has',
      { 'user-id': '../x' },
      { problem: expect.stringContaining('user-id') as never },
    ],
    [
      'a last use that is no time',
      { 'last-used-at': 'lately' },
      { lastUsedAtMs: undefined, problem: undefined },
    ],
  ])('%s', (_what, fields, want) => {
    expect(parseExtToken(rawExtToken(fields))).toMatchObject(want);
  });

  test('ends at creation and ttl, or never', () => {
    expect(effectiveExpiryMs(parseExtToken(rawExtToken()))).toBe(NOW + HOUR);
    expect(effectiveExpiryMs(parseExtToken(rawExtToken({ ttl: '-1' })))).toBeUndefined();
    expect(effectiveExpiryMs(parseExtToken(rawExtToken({ ttl: '0' })))).toBe(NOW);
  });

  test('whatever its data, it is a token or has a problem, and never says what it holds', () => {
    const values = fc.dictionary(
      fc.constantFrom('ttl', 'enabled', 'hash', 'user-id', 'principal', 'cluster'),
      fc.anything(),
    );
    fc.assert(
      fc.property(values, (data) => {
        const parsed = parseExtToken({ ...rawExtToken(), data: { ...data, hash: CANARY } });
        expect(parsed.problem ?? '').not.toContain(CANARY);
      }),
    );
  });

  test('the label decides what is a token', () => {
    expect(isExtToken(rawExtToken())).toBe(true);
    expect(isExtToken(rawExtToken({}, { labels: { 'cattle.io/kind': 'kubeconfig' } }))).toBe(false);
    expect(isExtToken(rawExtToken({}, { labels: null }))).toBe(false);
  });
});

test('fields that are too long for what they are are not held', () => {
  const megabyte = Buffer.from('u'.repeat(1_000_000)).toString('base64');
  const names = ['user-id', 'cluster', 'kube-uid', 'hash', 'principal', 'ttl', 'enabled', 'last-used-at'];
  const data = Object.fromEntries(names.map((name) => [name, megabyte]));
  const token = parseExtToken({ metadata: { name: 't', namespace: 'cattle-tokens' }, data });
  expect(JSON.stringify(token).length).toBeLessThan(6_000);
  expect(token.problem).toBeDefined();
});
