import { X509Certificate } from 'node:crypto';
import { expect, test, vi } from 'vitest';
import { clusterMarks } from '../../../src/authenticator/cluster-marks.ts';
import { aJwt } from '../../support/jwt.ts';
import { createAuthority } from '../../support/pki.ts';

/** Marks of a cluster whose API server is trusted by these certificates, and is shown this token. */
function marks(
  certificates: readonly string[],
  { token = undefined as string | undefined, server = 'https://10.43.0.1' } = {},
): Promise<readonly string[]> {
  return clusterMarks({
    server: new URL(server),
    tls: certificates.length === 0 ? {} : { ca: certificates.join('') },
    headers: async () => (token === undefined ? {} : { Authorization: `Bearer ${token}` }),
  })();
}

const bound = (uid: string): string => aJwt({ 'kubernetes.io': { serviceaccount: { name: 'a', uid } } });
const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.some((mark) => others.includes(mark));

const company = createAuthority('company root');
const intermediate = createAuthority('company clusters');
const intermediateCert = company.certify('company clusters', intermediate.key);

/** As k3s' own script for authorities of one's own writes them: that of the cluster, and all above it. */
function bundleUnderCompany(name: string): readonly string[] {
  const own = createAuthority(name);
  return [intermediate.certify(name, own.key), intermediateCert, company.cert];
}

test('two clusters under one root and one intermediate are not the same', async () => {
  const [a, b] = [bundleUnderCompany('k3s-server-ca'), bundleUnderCompany('k3s-server-ca')];
  expect(isSame(await marks(a), await marks(b))).toBe(false);
  expect(isSame(await marks(a), await marks(a))).toBe(true);
  expect(isSame(await marks(a), await marks([a[0] ?? '']))).toBe(true);
});

test('an authority is replaced by way of a bundle of both, whatever the two are called', async () => {
  const [old, next] = [createAuthority('kubernetes'), createAuthority('kubernetes')];
  const both = await marks([old.cert, next.cert]);
  expect(isSame(await marks([old.cert]), both)).toBe(true);
  expect(isSame(both, await marks([next.cert]))).toBe(true);
  expect(isSame(await marks([old.cert]), await marks([next.cert]))).toBe(false);
});

test('an authority that was renewed with its key is the same, also beside what it was', async () => {
  const old = createAuthority('kubernetes');
  const renewed = old.certify('kubernetes', old.key);
  expect(renewed).not.toBe(old.cert);
  expect(isSame(await marks([old.cert]), await marks([renewed]))).toBe(true);
  expect(isSame(await marks([old.cert]), await marks([old.cert, renewed]))).toBe(true);
});

test('an old root that signed its successor may be that of many clusters, and says nothing', async () => {
  const newCompany = createAuthority('new company root');
  const own = createAuthority('k3s-server-ca');
  const crossed = company.certify('new company root', newCompany.key);
  const rotated = [newCompany.certify('k3s-server-ca', own.key), newCompany.cert, crossed, company.cert];
  expect(isSame(await marks([company.cert]), await marks(rotated))).toBe(false);
  expect(isSame(await marks([newCompany.cert]), await marks(rotated))).toBe(false);
});

/** As RFC 4210 (4.4) has an authority replaced: old and new, as they are certified by themselves or one above, and each by the other. */
function rollover(certify?: (key: string) => string): readonly string[] {
  const [old, next] = [createAuthority('kubernetes'), createAuthority('kubernetes')];
  const own = [old, next].map(({ cert, key }) => certify?.(key) ?? cert);
  return [...own, old.certify('kubernetes', next.key), next.certify('kubernetes', old.key)];
}

test('authorities that certify each other are both of their cluster, before, while and after one replaces the other', async () => {
  const bundle = rollover();
  const [old = '', next = ''] = bundle;
  const both = await marks(bundle);
  expect(both).toHaveLength(2);
  expect(isSame(await marks([old]), both)).toBe(true);
  expect(isSame(both, await marks([next]))).toBe(true);
});

test('what signed both of them may be that of many clusters all the same', async () => {
  const certify = (key: string): string => company.certify('kubernetes', key);
  const [a, b] = [
    [company.cert, ...rollover(certify)],
    [company.cert, ...rollover(certify)],
  ];
  expect(isSame(await marks(a), await marks(b))).toBe(false);
  expect(isSame(await marks(a), await marks(a))).toBe(true);
});

test('a certificate whose key nobody here can read costs nothing but itself', async () => {
  const own = createAuthority('kubernetes');
  const known = Buffer.from('06072a8648ce3d0201', 'hex');
  const der = Buffer.from(createAuthority('of tomorrow').cert.replace(/-----[^-]+-----|\n/g, ''), 'base64');
  der[der.indexOf(known) + known.length - 1] = 0x7f;
  const odd = `-----BEGIN CERTIFICATE-----\n${der.toString('base64')}\n-----END CERTIFICATE-----\n`;
  expect(() => new X509Certificate(odd).publicKey).toThrow();
  expect(await marks([odd, own.cert])).toEqual(await marks([own.cert]));
  expect(await marks([odd])).toEqual([]);
});

test('a service account of a cluster tells it from every other one, also where all authorities are shared', async () => {
  const shared = [company.cert];
  const a = await marks(shared, { token: bound('uid-a') });
  expect(isSame(a, await marks(shared, { token: bound('uid-b') }))).toBe(false);
  // What one with another account, or none, left there under the same authorities is not believed.
  expect(isSame(a, await marks(shared))).toBe(false);
  expect(a.join()).not.toContain('uid-a');
});

test('a service account outlives every change of authorities, and of the form of its token', async () => {
  const before = await marks([createAuthority('old').cert], { token: bound('uid-a') });
  const after = await marks([createAuthority('new').cert], {
    token: aJwt({ 'kubernetes.io/serviceaccount/service-account.uid': 'uid-a' }),
  });
  expect(isSame(before, after)).toBe(true);
});

test('without authorities and account, the address is what is left', async () => {
  const a = await marks([], { token: 'kubeconfig-u-abc:secret', server: 'https://a.example' });
  expect(isSame(a, await marks([], { server: 'https://a.example' }))).toBe(true);
  expect(isSame(a, await marks([], { server: 'https://b.example' }))).toBe(false);
});

test('a credential that cannot be had at the start ends nothing: its authorities are what is known', async () => {
  const own = createAuthority('kubernetes');
  const unreachable = { server: new URL('https://10.43.0.1'), tls: { ca: own.cert } };
  const headers = (): Promise<never> => Promise.reject(new Error('no such file'));
  expect(await clusterMarks({ ...unreachable, headers })()).toEqual(await marks([own.cert]));
});

test("a bundle is gone through once, however often it is looked at: with a system's own that takes seconds", async () => {
  const [one, other] = [createAuthority('kubernetes'), createAuthority('kubernetes')];
  const tls = { ca: one.cert + other.cert };
  const look = clusterMarks({ server: new URL('https://10.43.0.1'), tls, headers: async () => ({}) });
  const verify = vi.spyOn(X509Certificate.prototype, 'verify');
  const first = await look();
  const { length } = verify.mock.calls;
  expect(length).toBeGreaterThan(0);
  expect(await look()).toEqual(first);
  expect(verify.mock.calls).toHaveLength(length);
  // Another one, as it was read again from disk.
  tls.ca = one.cert;
  expect(await look()).toEqual(await marks([one.cert]));
  verify.mockRestore();
});
