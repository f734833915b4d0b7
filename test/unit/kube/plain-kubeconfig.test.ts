import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../../../src/errors.ts';
import type { Loaded } from '../../../src/kube/access.ts';
import { loadedFile } from '../../../src/kube/client-node-kubeconfig.ts';
import { managementAccess } from '../../../src/kube/management-access.ts';
import { plainFiles } from '../../../src/kube/plain-kubeconfig.ts';
import { inCluster } from '../../../src/kube/pod-account.ts';
import { createAuthority } from '../../support/pki.ts';

const authority = createAuthority('plain');
const client = authority.issueClient('ada', []);
const base64 = (text: string): string => Buffer.from(text).toString('base64');
const CA = { 'certificate-authority-data': base64(authority.cert) };

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ace-plain-'));
  await writeFile(join(dir, 'ca.crt'), authority.cert);
  await writeFile(join(dir, 'client.crt'), client.cert);
  await writeFile(join(dir, 'client.key'), client.key);
  await writeFile(join(dir, 'token'), 'from-a-file\n');
});
afterAll(() => rm(dir, { recursive: true }));

async function written(cluster: object, user: object, more: object = {}): Promise<string> {
  const file = join(dir, 'config');
  const content = {
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'c',
    contexts: [
      { name: 'other', context: { cluster: 'none', user: 'none' } },
      { name: 'c', context: { cluster: 'c', user: 'u', namespace: 'n' } },
    ],
    clusters: [{ name: 'c', cluster: { server: 'https://api:6443/', ...cluster } }],
    users: [{ name: 'u', user }],
    ...more,
  };
  await writeFile(file, stringify(content));
  return file;
}

/** All that is made use of. */
async function meaning(loaded: Loaded | undefined): Promise<object | undefined> {
  if (!loaded) return undefined;
  const { headers, ca, cert, key, servername, rejectUnauthorized, auth } = await loaded.options();
  const { server, proxyUrl, readsFiles, groups } = loaded;
  return {
    ...{ server, proxyUrl, readsFiles, groups, headers, servername, rejectUnauthorized, auth },
    ...{ ca: String(ca), cert: String(cert), key: String(key) },
  };
}

describe('a kubeconfig that takes no plugin means what client-node makes of it', () => {
  const pair = {
    'client-certificate-data': base64(client.cert),
    'client-key-data': base64(client.key),
  };
  test.each<[string, object, object]>([
    ['a token', CA, { token: 't' }],
    ['a certificate', CA, pair],
    ['files, relative to it', { 'certificate-authority': 'ca.crt' }, { tokenFile: 'token' }],
    ['a certificate in files', CA, { 'client-certificate': 'client.crt', 'client-key': 'client.key' }],
    [
      'a file and data, of which the file counts',
      { ...CA, 'certificate-authority': 'ca.crt' },
      { token: 't' },
    ],
    ['a name and a password', CA, { username: 'ada', password: 'p' }],
    ['impersonation', CA, { token: 't', as: 'eve', 'as-groups': ['g', 'h'] }],
    ['no check of the server', { 'insecure-skip-tls-verify': true }, { token: 't' }],
    ['another name of the server', { ...CA, 'tls-server-name': 'kubernetes' }, { token: 't' }],
    ['a proxy', { ...CA, 'proxy-url': 'http://proxy:3128' }, { token: 't' }],
    ['nothing to show', CA, {}],
  ])('%s', async (_what, cluster, user) => {
    const file = await written(cluster, user);
    const plain = await meaning(plainFiles([file]));
    expect(plain).toBeDefined();
    expect(plain).toEqual(await meaning(loadedFile(file)));
  });
});

describe('is left to client-node', () => {
  test.each<[string, object, object]>([
    ['an exec plugin', CA, { exec: { apiVersion: 'client.authentication.k8s.io/v1', command: 'true' } }],
    ['a provider', CA, { 'auth-provider': { name: 'oidc', config: {} } }],
    ['what is not known here', CA, { token: 't', 'yet-to-be-invented': true }],
    ['plain HTTP', { server: 'http://api' }, { token: 't' }],
    ['a token that is a number', CA, { token: 1234 }],
  ])('%s', async (_what, cluster, user) => {
    expect(plainFiles([await written(cluster, user)])).toBeUndefined();
  });

  test('a context that is not there, and what is no kubeconfig', async () => {
    expect(plainFiles([await written(CA, { token: 't' }, { 'current-context': 'x' })])).toBeUndefined();
    for (const text of ['', 'a: [', '- 1', 'null']) {
      await writeFile(join(dir, 'config'), text);
      expect(plainFiles([join(dir, 'config')])).toBeUndefined();
      await expect(managementAccess(join(dir, 'config'))).rejects.toThrow(ConfigError);
    }
  });
});

test('a file that takes a plugin from now on gets it when it is read again', async () => {
  const file = await written(CA, { token: 'before' });
  const access = await managementAccess(file);
  expect(await access.headers()).toEqual({ Authorization: 'Bearer before' });
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential' };
  await written(CA, {
    exec: {
      ...{ apiVersion: 'client.authentication.k8s.io/v1', interactiveMode: 'Never', command: 'echo' },
      args: [JSON.stringify({ ...credential, status: { token: 'after' } })],
    },
  });
  expect(await access.headers(true)).toEqual({ Authorization: 'Bearer after' });
});

describe('the account of a pod', () => {
  test('is read from its files, and again when they change', async () => {
    const env = { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '443' };
    const loaded = inCluster(env, dir);
    expect(loaded).toMatchObject({ server: 'https://[fd00::1]:443', readsFiles: true });
    expect(await loaded.options()).toMatchObject({ headers: { Authorization: 'Bearer from-a-file' } });
    expect(String((await loaded.options()).ca)).toBe(authority.cert);
  });

  test('is nowhere outside of one', async () => {
    await expect(managementAccess(undefined)).rejects.toThrow(
      /this is no pod of a cluster; give --kubeconfig/,
    );
  });
});
