import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { rawExtToken, rawToken, rawUser } from '../../../support/builders.ts';
import { listOf, PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

/** A revocation that is run again has nothing left to take away, and the same to wait for. */

const planes = new PaperPlanes();
/** Names of Tokens, of cluster c-1, and what each cluster has for them. */
let tokens: Set<string>;
let held: Record<string, readonly object[]>;
let away: Set<string>;
let propagations: readonly object[];
let ext: object;

const heldFor = (name: string, userName = 'u-ada', annotations = {}): object => ({
  metadata: { name, uid: `uid-${name}`, resourceVersion: '1', annotations },
  ...{ userName, enabled: true },
});
const BY_EXT = { 'ace-operator.io/token-uid': 'kube-uid-1', 'ace-operator.io/token-api': 'ext.cattle.io' };
const reported = (name: string, status: object): object => ({
  metadata: { name, uid: name, resourceVersion: '1' },
  ...{ spec: {}, status },
});

beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  planes.requests.length = 0;
  planes.setClusters('c-1', 'c-2');
  tokens = new Set(['a-1']);
  held = { 'c-1': [heldFor('a-1')], 'c-2': [] };
  away = new Set();
  propagations = [];
  ext = listOf([]);
  planes.answer = ({ method, cluster, plural, name = '', url }) => {
    if (cluster !== undefined && away.has(cluster)) return { code: 503 };
    if (plural === 'clusterauthtokens') return listOf(held[cluster ?? 'c-1'] ?? []);
    if (plural === 'clusterpropagations' && name === '') return listOf(propagations);
    if (plural === 'namespaces' && name === 'kube-system') return { metadata: { name, uid: 'uid-c-1' } };
    if (url.pathname.includes('/namespaces/cattle-tokens/')) return name === '' ? ext : undefined;
    if (plural === 'users' && name !== '') return rawUser({}, { name });
    if (plural !== 'tokens') return undefined;
    if (method === 'DELETE') tokens.delete(name);
    if (method === 'DELETE') return { kind: 'Status', status: 'Success' };
    const raw = (it: string): object => rawToken({ userId: 'u-ada' }, { name: it, uid: it });
    if (name === '') return listOf([...tokens].map(raw));
    return tokens.has(name) ? raw(name) : undefined;
  };
});

async function run(...args: readonly string[]): Promise<{ code: number; err: string }> {
  const { runtime, told } = aRuntime();
  const all = ['token', ...args, '--wait', '--timeout', '0s', '--kubeconfig', planes.kubeconfig];
  return { code: await runProgram(all, runtime), err: told.err };
}
const looked = (): readonly string[] =>
  planes.requests
    .filter((request) => request.endsWith(' clusterauthtokens'))
    .map((request) => request.split(' ')[1] ?? '')
    .sort();

const COMMANDS: readonly (readonly [string, readonly string[]])[] = [
  ['by name', ['delete', 'a-1', '--ignore-not-found']],
  ['by name, revoked', ['revoke', 'a-1', '--ignore-not-found']],
  ['of a user', ['revoke', '--user', 'u-ada']],
  ['of a cluster', ['revoke', '--cluster', 'c-1', '--yes']],
  ['of all', ['revoke', '--all', '--yes']],
  ['by a label, which no cluster knows', ['revoke', '-l', 'team=x', '--yes']],
];

describe.each(COMMANDS)('%s', (_title, args) => {
  test('says no as often as it is asked, while the cluster accepts the token', async () => {
    for (const _time of ['first', 'again']) {
      expect(await run(...args)).toMatchObject({
        code: 1,
        err: expect.stringContaining('cluster c-1: still accepts a-1'),
      });
      expect([...tokens]).toEqual([]);
    }
  });

  test('says that it cannot see while the cluster is away', async () => {
    tokens.clear();
    away.add('c-1');
    expect(await run(...args)).toMatchObject({ code: 3, err: expect.stringContaining('cluster c-1: ') });
  });

  test('says yes once the cluster refuses it', async () => {
    tokens.clear();
    held['c-1'] = [];
    const { code, err } = await run(...args);
    expect(code).toBe(0);
    expect(err).toContain('refused downstream in c-1');
  });
});

describe('what is looked for again', () => {
  test('is in all clusters, or in the one that was named', async () => {
    tokens.clear();
    held = { 'c-1': [], 'c-2': [heldFor('a-0')] };
    expect(await run('revoke', '--user', 'u-ada')).toMatchObject({
      code: 1,
      err: expect.stringContaining('cluster c-2: still accepts a-0'),
    });
    expect(looked()).toEqual(['c-1', 'c-2']);
    planes.requests.length = 0;
    expect((await run('revoke', '--user', 'u-ada', '--cluster', 'c-1')).code).toBe(0);
    expect(looked()).toEqual(['c-1']);
  });

  test('is looked for beside tokens that are there, too', async () => {
    held['c-2'] = [heldFor('a-0')];
    held['c-1'] = [];
    const { code, err } = await run('revoke', '--user', 'u-ada');
    expect({ code, tokens: [...tokens] }).toEqual({ code: 1, tokens: [] });
    expect(err).toContain('cluster c-2: still accepts a-0');
  });

  test("is no token that is there, of anybody's, nor of another user", async () => {
    tokens = new Set(['a-9']);
    held['c-1'] = [heldFor('a-9', 'u-bob'), heldFor('gone', 'u-bob')];
    expect((await run('revoke', '--user', 'u-eve')).code).toBe(0);
    expect((await run('revoke', '--cluster', 'c-2')).code).toBe(0);
    // By its own name it is.
    expect((await run('delete', 'gone', '--ignore-not-found')).code).toBe(1);
  });

  test('is no token of ext.cattle.io that is there, and nobody knows where that cannot be read', async () => {
    tokens.clear();
    held = { 'c-1': [heldFor('t-1', 'u-ada', BY_EXT)] };
    ext = listOf([rawExtToken({ enabled: 'false', 'user-id': 'u-ada' })]);
    expect((await run('revoke', '--user', 'u-ada')).code).toBe(0);
    ext = { code: 403 };
    expect((await run('revoke', '--user', 'u-ada')).code).toBe(3);
  });

  test('is nothing in a cluster to which no way leads and where the operator never was, which is said', async () => {
    tokens.clear();
    held = {};
    const { answer } = planes;
    planes.answer = (request) =>
      request.plural === 'secrets' && request.name === undefined ? listOf([]) : answer(request);
    const { code, err } = await run('revoke', '--user', 'u-ada');
    expect(code).toBe(0);
    expect(err).toContain('not looked at: c-1, c-2, to which no way leads and where the operator never was');
    propagations = [reported('c-1', { clusterUID: 'uid-c-1' })];
    expect((await run('revoke', '--user', 'u-ada')).code).toBe(3);
  });

  test('is nothing in a cluster without ACE that is drained', async () => {
    tokens.clear();
    held = {};
    propagations = [
      reported('c-gone', { conditions: [{ type: 'Drained', status: 'True' }], clusterUID: 'uid' }),
    ];
    expect((await run('revoke', '--user', 'u-ada')).code).toBe(0);
    propagations = [reported('c-gone', { clusterUID: 'uid' })];
    expect((await run('revoke', '--user', 'u-ada')).code).toBe(3);
  });

  test('cannot be told where clusters may not be listed', async () => {
    tokens.clear();
    const { answer } = planes;
    planes.answer = (request) =>
      request.plural === 'clusters' && request.name === undefined ? { code: 403 } : answer(request);
    expect(await run('revoke', '--user', 'u-ada')).toMatchObject({
      code: 3,
      err: expect.stringContaining('clusters'),
    });
  });
});

describe('with a kubeconfig of one cluster', () => {
  const args = ['revoke', '--user', 'u-ada', '--downstream-kubeconfig'];
  beforeEach(() => tokens.clear());

  test('of which nobody knows whose it is nothing can be told', async () => {
    const { code, err } = await run(...args, planes.kubeconfig);
    expect(code).toBe(3);
    expect(err).toMatch(/no ClusterPropagation.*kube-system.*--cluster/);
    expect(looked()).toEqual([]);
  });

  test('that is known by its kube-system it is looked into, and it alone', async () => {
    propagations = [reported('c-1', { clusterUID: 'uid-c-1' }), reported('c-2', { clusterUID: 'uid-c-2' })];
    const again = await run(...args, planes.kubeconfig);
    expect(again).toMatchObject({ code: 1, err: expect.stringContaining('cluster c-1: still accepts a-1') });
    held['c-1'] = [];
    const { code, err } = await run(...args, planes.kubeconfig);
    expect(code).toBe(0);
    expect(err).toContain('not looked at: clusters other than c-1');
    expect(looked()).toEqual(['management', 'management']);
  });
});

test('a token that does not exist is a fault, and no cluster is said to refuse anything', async () => {
  const { code, err } = await run('delete', 'a-2');
  expect({ code, err }).toEqual({
    code: 1,
    err: 'ace-operator: token a-2: there is no token of that name\n',
  });
});
