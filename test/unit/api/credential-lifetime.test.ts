import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { claimsOf, lifetimeOfCertificate, lifetimesIn } from '../../../src/api/credential-lifetime.ts';
import { DAY, NOW } from '../../support/builders.ts';
import { aJwt } from '../../support/jwt.ts';
import { createAuthority } from '../../support/pki.ts';

const S = Math.floor(NOW / 1_000);
const FROM = S * 1_000;

const kubeconfig = (user: object): string =>
  JSON.stringify({
    'current-context': 'x',
    contexts: [{ name: 'x', context: { cluster: 'x', user: 'x' } }],
    users: [
      { name: 'other', user: { token: aJwt({ exp: 1 }) } },
      { name: 'x', user },
    ],
  });
const { cert } = createAuthority('a', { fromMs: FROM, untilMs: FROM + DAY });
const certificate = Buffer.from(cert).toString('base64');

describe('a bearer token', () => {
  test.each([
    ['iat and exp', { iat: S, exp: S + 60 }, { fromMs: FROM, untilMs: FROM + 60_000 }],
    ['nbf in place of iat', { nbf: S, exp: S + 60 }, { fromMs: FROM, untilMs: FROM + 60_000 }],
    ['exp alone', { exp: S }, { fromMs: undefined, untilMs: FROM }],
    ['an iat after its end', { iat: S + 1, exp: S }, { fromMs: undefined, untilMs: FROM }],
    ['an iat that is no number', { iat: 'now', exp: S }, { fromMs: undefined, untilMs: FROM }],
    ['no exp, as of an account of old', { iat: S }, undefined],
    ['an exp that is no number', { exp: '1' }, undefined],
    ['an exp beyond all time', { exp: 1e300 }, undefined],
    ['an exp before all time', { exp: -1 }, undefined],
  ])('with %s', (_, claims, lifetime) => {
    expect(claimsOf(aJwt(claims)).lifetime).toEqual(lifetime);
  });

  test('says whose it is', () => {
    expect(claimsOf(aJwt({ sub: 'system:serviceaccount:a:b' })).subject).toBe('system:serviceaccount:a:b');
  });

  test.each([
    ['a bound one', { 'kubernetes.io': { serviceaccount: { name: 'b', uid: 'x' } } }, 'x'],
    ['one of old', { 'kubernetes.io/serviceaccount/service-account.uid': 'x' }, 'x'],
    ['one without account', { 'kubernetes.io': { namespace: 'a' } }, undefined],
    ['an empty one', { 'kubernetes.io/serviceaccount/service-account.uid': '' }, undefined],
    ['one that is no text', { 'kubernetes.io': { serviceaccount: { uid: 1 } } }, undefined],
  ])('has the UID of its account: %s', (_, claims, uid) => {
    expect(claimsOf(aJwt(claims)).accountUid).toBe(uid);
  });

  test.each(['', 'kubeconfig-u-abc:secret', 'a.b', 'a.b.c', 'a.bnVsbA.c', 'a.W10.c', '..'])(
    '%j says nothing',
    (bearer) => {
      expect(claimsOf(bearer)).toEqual({
        lifetime: undefined,
        subject: undefined,
        accountUid: undefined,
      });
    },
  );
});

describe('a client certificate', () => {
  test('is good from and until what stands in it, by the first of a chain', () => {
    const chain = `${cert}\n${createAuthority('b').cert}`;
    expect(lifetimeOfCertificate(chain)).toEqual({ fromMs: FROM, untilMs: FROM + DAY });
  });

  test.each(['', 'no PEM', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----'])(
    '%j is none',
    (pem) => {
      expect(lifetimeOfCertificate(pem)).toBeUndefined();
    },
  );
});

describe('a kubeconfig', () => {
  test.each([
    ['a token', { token: aJwt({ exp: S }) }, [FROM]],
    ['a certificate', { 'client-certificate-data': certificate }, [FROM + DAY]],
    ['both', { token: aJwt({ exp: S }), 'client-certificate-data': certificate }, [FROM, FROM + DAY]],
    ['a certificate that is none', { 'client-certificate-data': 'bm9uZQ==' }, []],
    ['a password', { username: 'a', password: 'b' }, []],
    ['files', { tokenFile: '/a', 'client-certificate': '/b' }, []],
  ])('with %s of its current user', (_, user, ends) => {
    expect(lifetimesIn(kubeconfig(user)).map(({ untilMs }) => untilMs)).toEqual(ends);
  });

  test.each(['', '{', 'kind: Config', '- a', kubeconfig({ token: 1 })])('%j says nothing', (text) => {
    expect(lifetimesIn(text)).toEqual([]);
  });
});

test('whatever is in them, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.string(), fc.json(), (text, json) => {
      const payload = Buffer.from(json).toString('base64url');
      claimsOf(`a.${payload}.c`);
      for (const one of [text, json]) [claimsOf(one), lifetimeOfCertificate(one), lifetimesIn(one)];
    }),
  );
});
