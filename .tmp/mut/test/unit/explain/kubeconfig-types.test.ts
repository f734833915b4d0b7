import { describe, expect, test } from 'vitest';
import { readKubeconfig } from '../../../src/explain/kubeconfig-file.ts';

const SECRET = 'not-a-real-secret-of-anybody';

/** A person's kubeconfig, in which some of it is of another type than kubectl loads. */
const read = (cluster: object, user: object, top: object = {}): Promise<unknown> =>
  readKubeconfig(
    JSON.stringify({
      'current-context': 'c',
      contexts: [{ name: 'c', context: { cluster: 'k', user: 'u' } }],
      clusters: [{ name: 'k', cluster: { server: 'https://api', ...cluster } }],
      users: [{ name: 'u', user: { token: `kubeconfig-u-1:${SECRET}`, ...user } }],
      ...top,
    }),
    'file.yaml',
    undefined,
    false,
  );

describe('a kubeconfig with a field that cannot be used', () => {
  test.each<[title: string, cluster: object, user: object, said: string]>([
    ['CA data', { 'certificate-authority-data': 5 }, {}, 'context c: certificate-authority-data is no text'],
    ['a proxy', { 'proxy-url': [SECRET] }, {}, 'context c: proxy-url is no text'],
    ['a name for TLS', { 'tls-server-name': {} }, {}, 'context c: tls-server-name is no text'],
    [
      'a switch',
      { 'insecure-skip-tls-verify': 'yes' },
      {},
      'context c: insecure-skip-tls-verify is neither true nor false',
    ],
    ['a bearer', {}, { token: 7 }, 'context c: token is no text'],
    ['a bearer in an object', {}, { token: { a: SECRET } }, 'context c: token is no text'],
    ['a password', {}, { password: [SECRET] }, 'context c: password is no text'],
    ['no server', { server: '' }, {}, 'context c names no server'],
    ['another scheme', { server: 'ftp://api' }, {}, 'context c: server is no URL that begins with https://'],
    ['a socket', { server: 'unix:///x' }, {}, 'context c: server is no URL that begins with https://'],
    [
      'a port that is none',
      { server: 'https://api:99999' },
      {},
      'context c: server is no URL that begins with https://',
    ],
  ])('%s', async (_title, cluster, user, said) => {
    const error = await read(cluster, user).catch((thrown: Error) => thrown);
    expect(error).toMatchObject({ name: 'ConfigError', message: `file.yaml: ${said}` });
  });

  test.each([{ users: [null] }, { users: {} }, { users: [7, { name: 'u', user: null }] }])(
    'users that are none hold no bearer: %j',
    async (top) => expect(await read({}, {}, top)).toMatchObject({ asBearer: '' }),
  );

  test('null is as if it were not there', async () => {
    const asBearer = { asBearer: expect.stringContaining(SECRET) };
    expect(await read({ 'proxy-url': null, 'certificate-authority-data': null }, { as: null })).toMatchObject(
      asBearer,
    );
  });
});
