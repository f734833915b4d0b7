import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { proxiedCluster } from '../../../src/api/parse-credentials.ts';
import { explainConfig } from '../../../src/config/explain.ts';
import { ConfigError } from '../../../src/errors.ts';
import { compareHashes } from '../../../src/explain/compare-hashes.ts';
import { readKubeconfig } from '../../../src/explain/kubeconfig-file.ts';
import { parseWish } from '../../../src/explain/wish.ts';
import { createHasher } from '../../../src/hash/hasher.ts';
import { hash as sha3 } from '../../../src/hash/sha3-512.ts';
import { CANARY } from '../../support/builders.ts';

describe('a wish', () => {
  const none = { resource: '', subresource: '', group: '', namespace: '', path: '' };
  test.each([
    ['get pods', { ...none, verb: 'get', resource: 'pods' }, 'get pods'],
    ['list  pods/log', { ...none, verb: 'list', resource: 'pods', subresource: 'log' }, 'list pods/log'],
    [
      'create deployments.apps',
      { ...none, verb: 'create', resource: 'deployments', group: 'apps' },
      'create deployments.apps',
    ],
    [
      'update clusters.management.cattle.io/status',
      { ...none, verb: 'update', resource: 'clusters', group: 'management.cattle.io', subresource: 'status' },
      'update clusters.management.cattle.io/status',
    ],
    ['get /healthz', { ...none, verb: 'get', path: '/healthz' }, 'get /healthz'],
  ])('%s', (text, wish, question) => {
    expect(parseWish(text, '')).toEqual({ question, wish });
  });

  test('in a namespace', () => {
    expect(parseWish('get pods', 'shop')).toMatchObject({
      question: 'get pods in namespace shop',
      wish: { namespace: 'shop' },
    });
  });

  test.each(['', 'pods', 'get pods now'])('%j is none', (text) => {
    expect(() => parseWish(text, '')).toThrow(ConfigError);
  });
});

describe('hashes', () => {
  const hasher = createHasher();
  afterAll(() => hasher.close());
  const stored = sha3('right');
  const compare = (token: Parameters<typeof compareHashes>[0]['token'], bearer?: string, hash = stored) =>
    compareHashes({ stored: hash, token, bearer }, hasher);

  test.each([
    [
      'all of one secret',
      { kind: 'plain', value: 'right' },
      'right',
      { isOfToken: true, isOfBearer: true, isBearerOfToken: true },
    ],
    [
      'a token that was renewed',
      { kind: 'plain', value: 'new' },
      'new',
      { isOfToken: false, isOfBearer: false, isBearerOfToken: true },
    ],
    [
      'hashed upstream, copied',
      { kind: 'hashed', value: stored },
      'right',
      { isOfToken: true, isOfBearer: true, isBearerOfToken: true },
    ],
    [
      'hashed upstream anew',
      { kind: 'hashed', value: sha3('right') },
      'wrong',
      { isOfToken: undefined, isOfBearer: false, isBearerOfToken: false },
    ],
    [
      'no secret upstream',
      { kind: 'missing' },
      'right',
      { isOfToken: undefined, isOfBearer: true, isBearerOfToken: undefined },
    ],
    [
      'no Token, no bearer',
      undefined,
      undefined,
      { isOfToken: undefined, isOfBearer: undefined, isBearerOfToken: undefined },
    ],
  ] as const)('%s', async (_title, token, bearer, want) => {
    expect(await compare(token, bearer)).toEqual({ format: 'sha3-512', ...want });
  });

  test('none downstream: nothing is known of it', async () => {
    expect(await compare({ kind: 'plain', value: 'right' }, 'right', '')).toEqual({
      format: undefined,
      isOfToken: undefined,
      isOfBearer: undefined,
      isBearerOfToken: true,
    });
  });
});

describe('a kubeconfig', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'ace-explain-'));
    await writeFile(join(directory, 'token'), `t-2:${CANARY}\n`);
    await writeFile(join(directory, 'ca'), 'PEM');
  });
  afterAll(() => rm(directory, { recursive: true }));

  const text = (user: object, cluster: object = {}): string =>
    stringify({
      'current-context': 'one',
      clusters: [{ name: 'c', cluster: { server: 'https://c.example:6443', ...cluster } }],
      users: [{ name: 'u', user }],
      contexts: [
        { name: 'one', context: { cluster: 'c', user: 'u' } },
        { name: 'two', context: { cluster: 'missing', user: 'u' } },
      ],
    });
  const read = (content: string, context?: string, follow = true) =>
    readKubeconfig(content, join(directory, 'config'), context, follow);

  test.each([
    [{ tokenFile: 'token' }, {}, ['token']],
    [{ 'token-file': '/etc/passwd' }, {}, ['/etc/passwd']],
    [{ token: 't-1:s' }, { 'certificate-authority': 'ca' }, ['ca']],
    [{ tokenFile: 'token' }, { 'certificate-authority': '/nonexistent' }, ['token', '/nonexistent']],
    [{ 'client-certificate': 'ca', 'client-key': 'token' }, {}, []],
  ])('that was handed in, with %j and %j, has no file of the reader read', async (user, cluster, unread) => {
    const file = await read(text(user, cluster), undefined, false);
    expect(file).toMatchObject({ unread, asBearer: '' });
    expect(JSON.stringify(file)).not.toContain(CANARY);
    expect(JSON.stringify(file)).not.toContain('PEM');
  });

  test('says whether the bearer stands in it, or is from a file of the reader', async () => {
    expect((await read(text({ token: 't-1:s' }))).given.isOwnBearer).toBe(true);
    expect((await read(text({ tokenFile: 'token' }))).given.isOwnBearer).toBe(false);
  });

  test.each([
    [{ token: `t-1:${CANARY}` }, { kind: 'ours', name: 't-1', secret: CANARY }],
    [{ token: `ext/t-1:${CANARY}` }, { kind: 'ours', name: 't-1', secret: CANARY }],
    [{ tokenFile: 'token' }, { kind: 'ours', name: 't-2', secret: CANARY }],
    [{ token: 'e30.e30.sig' }, { kind: 'foreign' }],
    [{ 'client-certificate-data': 'x' }, { kind: 'other', what: 'a client certificate' }],
    [{ exec: { command: 'rancher' } }, { kind: 'other', what: 'the exec plugin rancher' }],
    [
      { username: 'u', password: 'p' },
      { kind: 'other', what: 'a user name and a password' },
    ],
    [{}, { kind: 'other', what: 'no credential' }],
  ])('with %j', async (user, credential) => {
    expect((await read(text(user))).given).toMatchObject({ server: 'https://c.example:6443', credential });
  });

  test('becomes one with the bearer and its authority alone, for requests as that bearer', async () => {
    const { asBearer } = await read(text({ token: 't-1:s' }, { 'certificate-authority': 'ca' }));
    const config = parse(asBearer);
    expect(config.users).toEqual([{ name: 'given', user: { token: 't-1:s' } }]);
    expect(config.clusters[0].cluster).toEqual({
      server: 'https://c.example:6443',
      'certificate-authority-data': Buffer.from('PEM').toString('base64'),
    });
    expect((await read(text({}))).asBearer).toBe('');
  });

  test.each([
    [`${CANARY}: [`, undefined, /is no kubeconfig/],
    ['just text', undefined, /is no kubeconfig/],
    ['{}', undefined, /no context is the current one; give --context/],
    [text({}), 'three', /there is no context three/],
    [text({}), 'two', /context two names no server/],
    [text({ tokenFile: 'nowhere' }), undefined, /cannot read nowhere/],
  ])('that cannot be used (%#) is refused, and not quoted', async (content, context, message) => {
    const error = await read(content, context).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ConfigError);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain(CANARY);
  });

  test('of the management plane’s proxy names its cluster in the path', () => {
    expect(proxiedCluster('https://rancher.example/k8s/clusters/c-m-1')).toBe('c-m-1');
    expect(proxiedCluster('https://c.example:6443')).toBeUndefined();
  });
});

describe('explain’s flags', () => {
  const config = (args: readonly string[], given: Record<string, string> = {}) =>
    explainConfig(args, given, {}, '/home/ada');

  test('--context is the given file’s where there is one, else the management plane’s', () => {
    expect(config(['t'], { context: 'x' })).toMatchObject({ kubeconfig: { context: 'x' }, tokenName: 't' });
    expect(config([], { 'kubeconfig-file': 'f', context: 'x', 'management-context': 'm' })).toMatchObject({
      kubeconfig: { context: 'm' },
      givenContext: 'x',
      kubeconfigFile: 'f',
    });
  });

  test('a whole bearer is refused, and not repeated', () => {
    expect(() => config([`t-1:${CANARY}`])).toThrow(ConfigError);
    expect(() => config([`t-1:${CANARY}`])).not.toThrow(CANARY);
    expect(() => config([])).toThrow(/wanted the name of a token, or --kubeconfig-file/);
  });
});
