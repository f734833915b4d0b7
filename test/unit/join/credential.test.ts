import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { parseCredentialsSecret } from '../../../src/api/parse-credentials.ts';
import type { KubeObject } from '../../../src/api/types.ts';
import { renewableOf } from '../../../src/clusters/renewable.ts';
import { type Address, addressOf, credentialSecret, writtenByJoin } from '../../../src/join/credential.ts';
import type { Access } from '../../../src/kube/access.ts';
import { NOW } from '../../support/builders.ts';
import { aJwt } from '../../support/jwt.ts';

const ADDRESS: Address = { server: 'https://10.0.0.1:6443', caPem: 'a certificate', serverName: undefined };
const BOUND = { token: 'canary-of-a-bound-token', expiresAtMs: NOW };
const PURPOSE = { cluster: 'c-1', namespace: 'ace-operator', renew: false };
const secret = (): KubeObject => credentialSecret(PURPOSE, ADDRESS, BOUND).object;
const access = (server: string, tls: object = {}): Access =>
  ({ server: new URL(server), tls, headers: async () => ({}) }) as Access;

describe('a Secret of join', () => {
  test('says for which cluster it is, until when, and where that is', () => {
    expect(secret().metadata).toMatchObject({
      name: 'ace-cluster-c-1',
      labels: { 'ace-operator.io/cluster': 'c-1' },
      annotations: {
        'ace-operator.io/credential-expires': new Date(NOW).toISOString(),
        'ace-operator.io/credential-renew': 'false',
      },
    });
    const written = writtenByJoin(secret());
    expect(written?.bound).toEqual(BOUND);
    expect(written?.lifetime).toEqual({ fromMs: undefined, untilMs: NOW });
    expect(written?.isFor(ADDRESS, 'c-1')).toBe(true);
  });

  test('is known to be as join wrote it, by whatever address; what somebody put in its place is not', () => {
    for (const address of [ADDRESS, { server: 'https://x', caPem: undefined, serverName: 'kubernetes' }])
      expect(writtenByJoin(credentialSecret(PURPOSE, address, BOUND).object)?.isReplaced).toBe(false);
    const text = Buffer.from(
      String((secret()['data'] as { kubeconfig: string }).kubeconfig),
      'base64',
    ).toString();
    for (const other of [
      stringify(JSON.parse(text)),
      text.replace('"user":{', '"user":{"tokenFile":"/x",'),
    ]) {
      const object = { ...secret(), data: { kubeconfig: Buffer.from(other).toString('base64') } };
      expect(writtenByJoin(object)).toMatchObject({ isReplaced: true, bound: BOUND });
    }
  });

  test('says by its token how long that is good, whatever was asked for', () => {
    const token = aJwt({ iat: 1_000, exp: 4_600 });
    const { object } = credentialSecret(PURPOSE, ADDRESS, { token, expiresAtMs: NOW });
    expect(writtenByJoin(object)?.lifetime).toEqual({ fromMs: 1_000_000, untilMs: 4_600_000 });
  });

  test('of --renew may be renewed, and is then as join would have written it', () => {
    const of = (claims: object) =>
      aJwt({ sub: 'system:serviceaccount:cattle-system:ace-operator', ...claims });
    const written = (renew: boolean, token: string) =>
      credentialSecret({ ...PURPOSE, renew }, ADDRESS, { token, expiresAtMs: NOW }).object;
    const token = of({ iat: 1, exp: 2 });
    expect(renewableOf(parseCredentialsSecret(written(false, token)))).toBeUndefined();
    const renewable = renewableOf(parseCredentialsSecret(written(true, token)));
    expect(renewable?.account).toEqual({ namespace: 'cattle-system', name: 'ace-operator' });
    const kubeconfig = Buffer.from(renewable?.kubeconfigWith(of({ iat: 3, exp: 4 })) ?? '').toString(
      'base64',
    );
    const renewed = writtenByJoin({ ...written(true, token), data: { kubeconfig } } as KubeObject);
    expect(renewed?.isFor(ADDRESS, 'c-1')).toBe(true);
    expect(renewed?.lifetime).toEqual({ fromMs: 3_000, untilMs: 4_000 });
  });

  test.each([
    ['at another address', { ...ADDRESS, server: 'https://10.0.0.2:6443' }],
    ['by another authority', { ...ADDRESS, caPem: 'another' }],
    ['by another name', { ...ADDRESS, serverName: 'kubernetes' }],
  ])('is not for the cluster %s', (_, address) => {
    expect(writtenByJoin(secret())?.isFor(address, 'c-1')).toBe(false);
  });

  test.each([
    ['without the annotation', { metadata: { name: 'x' }, data: { kubeconfig: 'e30=' } }],
    ['without a kubeconfig', { ...secret(), data: {} }],
  ])('is none %s', (_, object) => {
    expect(writtenByJoin(object as unknown as KubeObject)).toBeUndefined();
  });

  test('whose label names another cluster, or none, is not for this one', () => {
    expect(writtenByJoin(secret())?.isFor(ADDRESS, 'c-2')).toBe(false);
  });

  test('whose kubeconfig was changed is for no address', () => {
    const changed = { ...secret(), data: { kubeconfig: Buffer.from('kind: Config').toString('base64') } };
    expect(writtenByJoin(changed)?.isFor(ADDRESS, 'c-1')).toBe(false);
  });
});

describe('the address', () => {
  test('is that of the file, unless another is given', () => {
    expect(addressOf(access('https://a:6443/', { ca: 'x' }), undefined)).toEqual({
      ...{ server: 'https://a:6443', caPem: 'x', serverName: undefined },
    });
    expect(addressOf(access('https://a:6443/k8s/'), 'https://b').server).toBe('https://b');
  });

  test('of a file that trusts everybody is not taken', () => {
    expect(() => addressOf(access('https://a', { rejectUnauthorized: false }), undefined)).toThrow(/trusts/);
  });
});
