import { describe, expect, test } from 'vitest';
import { ANNOTATION_TOKEN_HASHED } from '../../../../src/api/names.ts';
import * as bcrypt from '../../../../src/hash/bcrypt.ts';
import { hash as sha3 } from '../../../../src/hash/sha3-512.ts';
import { isSecretOf, requireUsable, splitBearer } from '../../../../src/issue/make/bearer.ts';
import { aToken, aUser, CANARY, HOUR, NOW } from '../../../support/builders.ts';

describe('a bearer', () => {
  test.each([
    ['t-1:secret', { kind: 'ours', prefix: '', name: 't-1', secret: 'secret' }],
    ['t-1:with:colons', { kind: 'ours', prefix: '', name: 't-1', secret: 'with:colons' }],
    ['ext/t-1:secret', { kind: 'ours', prefix: 'ext/', name: 't-1', secret: 'secret' }],
    ['no-colon', undefined],
    [':secret', undefined],
    ['t-1:', undefined],
    ['t-1:two words', undefined],
    ['', undefined],
  ])('%s is %j', (text, want) => {
    expect(splitBearer(text)).toEqual(want);
  });

  const hashed = { annotations: { [ANNOTATION_TOKEN_HASHED]: 'true' } };
  test.each([
    ['plain', aToken({ token: CANARY })],
    ['sha3-512', aToken({ token: sha3(CANARY) }, hashed)],
    ['bcrypt', aToken({ token: bcrypt.hash(CANARY, bcrypt.newSalt(4)) }, hashed)],
  ])('is known by what is stored %s', async (_how, token) => {
    expect(await isSecretOf(CANARY, token)).toBe(true);
    expect(await isSecretOf(`${CANARY}x`, token)).toBe(false);
    expect(await isSecretOf('', token)).toBe(false);
  });

  test('is nobody’s when nothing is stored', async () => {
    expect(await isSecretOf('', aToken({ token: '' }))).toBe(false);
  });
});

describe('a token in a kubeconfig', () => {
  const use = { cluster: 'c-1', needsScope: true, user: undefined, nowMs: NOW };
  const cases = {
    'has to be of this cluster': {
      token: { clusterName: 'c-2' },
      message: 'token t-1 is scoped to c-2, this is c-1; issue one for it',
    },
    'has to be scoped where there is an authorized endpoint': {
      token: { clusterName: '' },
      message: 'scoped to no cluster',
    },
    'has to be of the user': { token: {}, use: { user: 'u-2' }, message: "is user u-1's, not u-2's" },
    'must not be disabled': { token: { enabled: false }, message: 'would be refused: Disabled' },
    'must not have expired': { token: { ttl: 1 }, use: { nowMs: NOW + HOUR }, message: 'refused: Expired' },
    'needs its user': { token: {}, owner: null, message: 'refused: UserNotFound' },
    'needs its user to be enabled': {
      token: {},
      owner: aUser({ enabled: false }),
      message: 'user u-1 is disabled',
    },
  };
  test.each(Object.entries(cases))('%s', (_title, given) => {
    const owner = 'owner' in given ? (given.owner ?? undefined) : aUser();
    const where = { ...use, ...('use' in given ? given.use : {}) };
    expect(() => requireUsable(aToken(given.token), owner, where)).toThrow(given.message);
  });

  test('is usable when nothing is wrong, and unscoped through the proxy alone', () => {
    expect(() => requireUsable(aToken(), aUser(), { ...use, user: 'u-1' })).not.toThrow();
    const unscoped = aToken({ clusterName: '' });
    expect(() => requireUsable(unscoped, aUser(), { ...use, needsScope: false })).not.toThrow();
  });
});
