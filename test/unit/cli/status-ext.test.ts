import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { rawExtToken, rawUser } from '../../support/builders.ts';
import { listOf, PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';
import { rawCua } from '../../support/webhook-rig.ts';

/** What `status` says of ClusterAuthTokens whose tokens of ext.cattle.io may not be read. */

const OURS = { 'app.kubernetes.io/managed-by': 'ace-operator', 'ace-operator.io/cluster': 'c-1' };
const held = (name: string, labels: object, annotations: object): object => ({
  metadata: { name, namespace: 'cattle-system', uid: name, resourceVersion: '1', labels, annotations },
  ...{ userName: 'u-1', enabled: true },
});
const THERE = [
  held('t-1', OURS, {
    'ace-operator.io/token-uid': 'uid-secret-1',
    'ace-operator.io/token-api': 'ext.cattle.io',
  }),
  held('t-stray', OURS, { 'ace-operator.io/token-uid': 'uid-gone' }),
  held('t-ranchers', { 'cattle.io/creator': 'norman' }, {}),
];

const planes = new PaperPlanes();
let mayRead: boolean;
let fields: Readonly<Record<string, string | null>>;
let uid: string;
beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  [mayRead, fields, uid] = [true, {}, 'uid-secret-1'];
  planes.setClusters('c-1');
  planes.answer = ({ plural, url }) => {
    if (url.pathname.includes('/namespaces/cattle-tokens/'))
      return mayRead ? listOf([rawExtToken({ ttl: '-1', ...fields }, { uid })]) : { code: 403 };
    if (plural === 'users') return listOf([rawUser()]);
    if (plural === 'clusteruserattributes') return listOf([rawCua('u-1')]);
    return plural === 'clusterauthtokens' ? listOf(THERE) : undefined;
  };
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram(['status', ...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

async function statesOf(...args: readonly string[]): Promise<Record<string, string>> {
  const { items } = JSON.parse((await run(...args, '-o', 'json')).out);
  return Object.fromEntries(items.map((item: { name: string; state: string }) => [item.name, item.state]));
}

describe('of one cluster', () => {
  test('what may be read is in order or an orphan', async () => {
    expect(await statesOf('c-1')).toEqual({
      't-1': 'propagated',
      't-ranchers': 'orphan',
      't-stray': 'orphan',
    });
    expect(await run('c-1')).toMatchObject({ code: 0, err: expect.not.stringContaining('ext.cattle.io') });
  });

  test('one whose hash is lost upstream is let in by what is there, and nobody revoked it', async () => {
    fields = { hash: null };
    expect(await statesOf('c-1')).toMatchObject({ 't-1': 'propagated' });
    // What is there was written for another token of that name: that one was revoked.
    uid = 'uid-secret-2';
    expect(await statesOf('c-1')).toMatchObject({ 't-1': 'refused' });
    expect((await run('c-1')).out).toContain('NotRevoked');
  });

  test('nobody knows whether what may be of one that may not be read is an orphan, which is said', async () => {
    mayRead = false;
    expect(await statesOf('c-1')).toEqual({ 't-1': 'unknown', 't-ranchers': 'unknown', 't-stray': 'orphan' });
    const { code, err } = await run('c-1');
    expect(err).toMatch(
      /not looked at: tokens of ext\.cattle\.io: .*403.*; unknown: 2 tokens that are in c-1/,
    );
    expect(code).toBe(3);
  });

  test('where nothing of that kind is in the cluster the note is all', async () => {
    mayRead = false;
    const { answer } = planes;
    planes.answer = (request) => (request.plural === 'clusterauthtokens' ? listOf([]) : answer(request));
    const { code, err } = await run('c-1');
    expect({ code, err }).toEqual({
      code: 0,
      err: expect.stringMatching(/not looked at: tokens of ext\.cattle\.io: [^\n]*403[^;]*\n/),
    });
  });
});

test('of all clusters, where no operator reports: they are not counted as revoked ones, which is said', async () => {
  mayRead = false;
  const { code, out, err } = await run('-o', 'json');
  expect({ code, refused: JSON.parse(out).items[0].refused }).toEqual({
    code: 0,
    refused: { TokenNotFound: 1 },
  });
  expect(err.match(/not looked at: tokens of ext\.cattle\.io/g)).toHaveLength(1);
});
