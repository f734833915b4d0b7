import { afterAll, beforeAll, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { listOf, PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

const planes = new PaperPlanes('b-own:not-a-real-secret');
beforeAll(() => planes.listen());
afterAll(() => planes.close());

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram([...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

const token = (name: string): object => ({
  metadata: { name, uid: name, resourceVersion: '1', creationTimestamp: '2026-01-01T00:00:00Z' },
  token: 'not-a-real-secret',
  userId: 'u-ada',
  enabled: true,
});

test('the token that one is logged in with is left, so that all others go', async () => {
  const names = ['a-1', 'b-own', ...Array.from({ length: 20 }, (_, index) => `c-${index + 10}`)];
  const deleted: string[] = [];
  planes.answer = ({ method, plural, name }) => {
    if (method === 'DELETE') {
      // An API server knows nobody by a token that is gone.
      if (deleted.includes('b-own')) return { code: 401 };
      deleted.push(name ?? '');
      return { kind: 'Status', status: 'Success' };
    }
    return plural === 'tokens' && name === undefined ? listOf(names.map(token)) : undefined;
  };
  const { code, err } = await run('token', 'revoke', '--user', 'u-ada', '--yes');
  expect(err).toContain('left out: b-own, the token that you are logged in with');
  expect({ code, deleted: deleted.sort() }).toEqual({
    code: 0,
    deleted: names.filter((name) => name !== 'b-own'),
  });
});
