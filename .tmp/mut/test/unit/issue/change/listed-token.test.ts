import { describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED, LABEL_TOKEN_KIND } from '../../../../src/api/names.ts';
import { hash as sha3 } from '../../../../src/hash/sha3-512.ts';
import {
  type ListedToken,
  ownProblem,
  parseListedToken,
  problemOf,
  shownToken,
} from '../../../../src/issue/change/listed-token.ts';
import { isSystemToken, matches, type TokenFilter } from '../../../../src/issue/change/select.ts';
import { CANARY, HOUR, type Json, NOW, rawToken, timeText } from '../../../support/builders.ts';

const DAY = 24 * HOUR;
const hashed = { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } };
const listed = (fields: Json = {}, metadata: Json = {}): ListedToken =>
  parseListedToken(rawToken(fields, metadata));

describe('a listed token', () => {
  test.each([
    [{ token: CANARY }, {}, 'plain'],
    [{ token: sha3(CANARY) }, hashed, 'sha3-512'],
    [{ token: '$9:what' }, hashed, 'unsupported'],
    [{ token: '' }, {}, 'missing'],
  ])('%j is stored as %j: %s', (fields, metadata, want) => {
    expect(listed(fields, metadata).storedAs).toBe(want);
  });

  test('holds nothing that opens a door, wherever the object had it', () => {
    const hash = sha3(CANARY);
    const raw = rawToken(
      { token: hash, providerInfo: { access_token: CANARY }, userPrincipal: { extraInfo: { k: CANARY } } },
      {
        annotations: {
          ...hashed.annotations,
          'kubectl.kubernetes.io/last-applied-configuration': `{"token":"${CANARY}"}`,
        },
      },
    );
    const token = parseListedToken(raw);
    const text = JSON.stringify([token, shownToken(token, undefined, NOW)]);
    expect(text).toContain('sha3-512');
    expect(text).not.toContain(CANARY);
    expect(text).not.toContain(hash);
  });

  const problems = {
    'an active one has none': { fields: {}, metadata: {}, want: undefined },
    'one that is disabled': { fields: { enabled: false }, metadata: {}, want: 'Disabled' },
    'one whose ttl is over': { fields: { ttl: 1 }, metadata: {}, want: 'Expired' },
    'one that is going': { fields: {}, metadata: { deletionTimestamp: timeText(NOW) }, want: 'Deleting' },
    'one without a secret': { fields: { token: '' }, metadata: {}, want: 'HashPending' },
    'one whose hash nobody verifies': { fields: { token: '$9' }, metadata: hashed, want: 'UnsupportedHash' },
    'one that cannot be read': { fields: { ttl: 'long' }, metadata: {}, want: 'Malformed' },
  };
  test.each(Object.entries(problems))('%s', (_title, { fields, metadata, want }) => {
    expect(ownProblem(listed(fields, metadata), NOW + HOUR)).toBe(want);
  });
});

describe('the user of a token', () => {
  const users = (enabled: boolean, deleting = false) => new Map([['u-1', { enabled, deleting }]]);
  test.each([
    ['is there and enabled', users(true), undefined],
    ['is gone', new Map(), 'UserNotFound'],
    ['is going', users(true, true), 'UserNotFound'],
    ['is disabled', users(false), 'UserDisabled'],
    ['is not known', undefined, undefined],
  ])('%s', (_title, known, want) => {
    expect(problemOf(listed(), known, NOW)).toBe(want);
    expect(shownToken(listed(), known, NOW)).toMatchObject({ reason: want ?? null });
    expect(problemOf(listed({ enabled: false }), known, NOW)).toBe('Disabled');
  });
});

describe('which tokens are meant', () => {
  const all: TokenFilter = {
    user: undefined,
    cluster: undefined,
    expiringWithinMs: undefined,
    unusedForMs: undefined,
    neverUsedForMs: undefined,
  };
  const later = NOW + 40 * DAY;
  const used = (ago: number): Json => ({ lastUsedAt: timeText(later - ago) });
  const cases = {
    'every one without a filter': [{}, {}, true],
    'those of a user': [{}, { user: 'u-1' }, true],
    'not those of another': [{}, { user: 'u-2' }, false],
    'those of a cluster': [{}, { cluster: 'c-1' }, true],
    'all that is said has to fit': [{}, { cluster: 'c-1', user: 'u-2' }, false],
    'one that ends in a day is ending within a week': [
      { ttl: 41 * DAY },
      { expiringWithinMs: 7 * DAY },
      true,
    ],
    'one that ended, too': [{ ttl: DAY }, { expiringWithinMs: 7 * DAY }, true],
    'one that never ends is not': [{ ttl: 0 }, { expiringWithinMs: 7 * DAY }, false],
    'one that ends later is not': [{ ttl: 60 * DAY }, { expiringWithinMs: 7 * DAY }, false],
    'one of which no use was noted is not unused': [{}, { unusedForMs: 30 * DAY }, false],
    'one that was never used, and is old, was never used': [{}, { neverUsedForMs: 30 * DAY }, true],
    'one that was used long ago was used': [used(35 * DAY), { neverUsedForMs: 30 * DAY }, false],
    'one that was never used, and is new, is not': [{}, { neverUsedForMs: 50 * DAY }, false],
    'one that was used lately is not': [used(DAY), { unusedForMs: 30 * DAY }, false],
    'one that was used long ago is': [used(35 * DAY), { unusedForMs: 30 * DAY }, true],
  } as const satisfies Record<string, readonly [Json, Partial<TokenFilter>, boolean]>;
  test.each(Object.entries(cases))('%s', (_title, [fields, filter, want]) => {
    expect(matches(listed(fields), { ...all, ...filter }, later)).toBe(want);
  });

  test.each([
    ['agent', true],
    ['provisioning', true],
    ['kubeconfig', false],
    ['session', false],
  ])('a token of kind %s is one of the system: %s', (kind, want) => {
    expect(isSystemToken(listed({}, { labels: { [LABEL_TOKEN_KIND]: kind } }))).toBe(want);
  });
});
