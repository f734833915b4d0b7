import { describe, expect, test } from 'vitest';
import { bearerFault, clusterFault } from '../../../src/kube/kubeconfig-faults.ts';
import { createAuthority } from '../../support/pki.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const PEM = createAuthority('one').cert;
const data = (text: string) => ({ caData: base64(text) });
const lines = base64(PEM).replaceAll(/.{64}/g, '$&\r\n');

describe('a cluster entry', () => {
  test.each([
    ['of the usual kind', { server: 'https://api', ...data(PEM) }],
    ['with its data in lines', { caData: lines }],
    ['with comments, and a key, around the certificate', data(`# ours\n${PEM}\n-----BEGIN X-----\n`)],
    ['with one certificate of two that can be read', data(`${PEM}${PEM.replace('MII', 'AAA')}`)],
    ['with a proxy', { proxyUrl: 'http://user:password@proxy:3128' }],
    ['without TLS, as kubectl proxy has it', { server: 'http://127.0.0.1:8001', isInsecure: true }],
  ])('%s has no fault', (_name, entry) => {
    expect(clusterFault(entry)).toBeUndefined();
  });

  test.each([
    ['http', { server: 'http://api' }, /^server http:\/\/api is without TLS/],
    ['raw PEM', { caData: PEM }, /^certificate-authority-data is PEM itself/],
    ['no base64', { caData: 'no base64!' }, /is no base64$/],
    ['base64 cut off', { caData: base64(PEM).slice(0, 401) }, /is no whole base64: it was cut off$/],
    ['PEM cut off', data(PEM.slice(0, 300)), /holds PEM that was cut off$/],
    ['no PEM', data('none'), /holds no PEM certificate$/],
    ['another PEM', data('-----BEGIN X-----\nAAAA\n-----END X-----\n'), /holds no PEM certificate$/],
    ['no certificate', data(PEM.replace('MII', 'AAA')), /holds PEM that is no certificate$/],
    ['file and data', { caFile: 'ca', ...data(PEM) }, /are both there/],
    ['no URL', { proxyUrl: 'proxy:3128' }, /^proxy-url is no URL/],
    ['a number for a server', { server: 7 as never }, /^server is no text$/],
    ['a number for CA data', { caData: 7 as never }, /^certificate-authority-data is no text$/],
    ['a list for a proxy', { proxyUrl: [] as never }, /^proxy-url is no text$/],
    ['SOCKS', { proxyUrl: 'socks5://proxy:1' }, /SOCKS/],
  ])('%s', (_name, entry, fault) => {
    expect(clusterFault(entry)).toMatch(fault);
  });

  test('is not quoted where it may hold a password', () => {
    expect(clusterFault({ proxyUrl: 'ftp://user:hunter2@proxy' })).not.toContain('hunter2');
  });
});

describe('a bearer', () => {
  test.each(['t-1:abc', 't-1:abc ', 't-1:abc\t'])('%j is taken', (bearer) => {
    expect(bearerFault(bearer)).toBeUndefined();
  });

  test.each([
    ['t-1:abc\n', /ends in a line break/],
    ['t-1:abc\r\n', /ends in a line break/],
    [' t-1:abc', /begins with white space/],
    ['t-1:a\nbc', /line break in it/],
    ['t-1:a bc', /white space in it/],
    ['t-1:abc\u200b', /character in it/],
    ['  ', /nothing but white space/],
  ])('%j is not', (bearer, fault) => {
    expect(bearerFault(bearer)).toMatch(fault);
    expect(bearerFault(bearer)).not.toContain('abc');
  });
});
