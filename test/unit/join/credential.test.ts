import { describe, expect, test } from 'vitest';
import type { KubeObject } from '../../../src/api/types.ts';
import { type Address, addressOf, credentialSecret, writtenByJoin } from '../../../src/join/credential.ts';
import type { Access } from '../../../src/kube/access.ts';
import { NOW } from '../../support/builders.ts';

const ADDRESS: Address = { server: 'https://10.0.0.1:6443', caPem: 'a certificate', serverName: undefined };
const BOUND = { token: 'canary-of-a-bound-token', expiresAtMs: NOW };
const secret = (): KubeObject => credentialSecret('c-1', 'ace-operator', ADDRESS, BOUND).object;
const access = (server: string, tls: object = {}): Access =>
  ({ server: new URL(server), tls, headers: async () => ({}) }) as Access;

describe('a Secret of join', () => {
  test('says for which cluster it is, until when, and where that is', () => {
    expect(secret().metadata).toMatchObject({
      name: 'ace-cluster-c-1',
      labels: { 'ace-operator.io/cluster': 'c-1' },
      annotations: { 'ace-operator.io/credential-expires': new Date(NOW).toISOString() },
    });
    const written = writtenByJoin(secret());
    expect(written?.expiresAtMs).toBe(NOW);
    expect(written?.isFor(ADDRESS, 'c-1')).toBe(true);
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
