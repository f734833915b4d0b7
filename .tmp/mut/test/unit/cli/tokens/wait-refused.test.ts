import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  planes.requests.length = 0;
  planes.setClusters('c-1', 'c-2');
  planes.answer = ({ method, plural, name = '' }) => {
    if (method === 'DELETE') return { kind: 'Status', status: 'Success' };
    if (plural !== 'tokens') return undefined;
    const metadata = { name, uid: name, resourceVersion: '1' };
    return { metadata, userId: 'u-ada', clusterName: name.replace('t', 'c'), token: 'x'.repeat(54) };
  };
});

async function run(...args: readonly string[]): Promise<{ code: number; err: string }> {
  const { runtime, told } = aRuntime();
  const { kubeconfig } = planes;
  const files = ['--kubeconfig', kubeconfig, '--downstream-kubeconfig', kubeconfig];
  return { code: await runProgram(['token', ...args, ...files], runtime), err: told.err };
}

test('a kubeconfig of the cluster is enough to wait: no credentials are read', async () => {
  const { code, err } = await run('delete', 't-1', '--wait', '--timeout', '5s');
  expect({ code, err }).toMatchObject({ code: 0, err: expect.stringContaining('refused downstream in c-1') });
  expect(planes.requests).toContain('GET management clusterauthtokens');
  expect(planes.requests).not.toContain('GET management secrets');
});

test.each([
  [
    'tokens of two clusters',
    ['delete', 't-1', 't-2', '--wait'],
    /tokens are of c-1, c-2; nothing was changed/,
  ],
  ['nothing to wait for', ['delete', 't-1'], /no cluster is looked into without --wait/],
  ['unused tokens of any cluster', ['revoke', '--unused-since', '1d', '--yes'], /wanted the cluster/],
])('with %s it is a usage error', async (_what, args, message) => {
  const { code, err } = await run(...args);
  expect({ code, err }).toMatchObject({ code: 2, err: expect.stringMatching(message) });
  expect(planes.requests.filter((request) => request.startsWith('DELETE'))).toEqual([]);
});
