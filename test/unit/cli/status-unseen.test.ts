import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import { PaperPlanes } from '../../support/paper-planes.ts';
import { aRuntime } from '../../support/runtime.ts';

/** What `status` says of authenticators that rights do not allow to see. */

const planes = new PaperPlanes();
beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  planes.setClusters('c-away', 'c-joined', 'c-one');
  planes.answer = ({ cluster, plural }) => {
    if (cluster === 'c-away') return { code: 500 };
    return cluster === 'c-joined' && plural === 'daemonsets' ? { code: 403 } : undefined;
  };
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime({ program: 'kubectl ace' });
  const code = await runProgram(['status', ...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

const lineOf = (out: string, cluster: string): string =>
  out.split('\n').find((line) => line.startsWith(cluster)) ?? '';

describe('an authenticator that', () => {
  test('the operator’s least credential may not see is no error, and it is said what looks', async () => {
    const { code, out, err } = await run();
    expect(code).toBe(0);
    expect(lineOf(out, 'c-joined')).toMatch(/ <not looked at>$/);
    expect(lineOf(out, 'c-one')).toMatch(/ no DaemonSet$/);
    expect(out).not.toContain('Forbidden');
    expect(err).toContain(
      "not looked at, for the operator's credential may not and need not: authenticator of c-joined; kubectl ace preflight CLUSTER --downstream-kubeconfig FILE of an administrator looks\n",
    );
  });

  test('is of many clusters is told once, of the first few by name', async () => {
    planes.setClusters(...Array.from({ length: 8 }, (_, index) => `c-${index}`));
    planes.answer = ({ plural }) => (plural === 'daemonsets' ? { code: 403 } : undefined);
    const { err } = await run();
    expect(err).toContain('authenticator of c-0, c-1, c-2, c-3, c-4 and 3 more; ');
    expect(err.match(/not looked at/g)).toHaveLength(1);
  });

  test('is in trouble keeps its reason', async () => {
    expect(lineOf((await run()).out, 'c-away')).toMatch(/ Failing$/);
  });

  test('scripts find as they did', async () => {
    const { items } = JSON.parse((await run('-o', 'json')).out);
    expect(items).toContainEqual(expect.objectContaining({ name: 'c-joined', authenticator: 'Forbidden' }));
  });
});

test('who may not read the operator’s credentials is told so once, and how not to try', async () => {
  planes.answer = ({ cluster, plural }) =>
    cluster === undefined && plural === 'secrets' ? { code: 403 } : undefined;
  const { code, err } = await run();
  expect(code).toBe(0);
  expect(err).toMatch(
    /^no cluster was asked itself: Forbidden: [^\n]*secrets[^\n]*; --management-only does not try$/m,
  );
  expect(err).not.toMatch(/operator's credential/);
  expect((await run('--management-only')).err).not.toContain('asked itself');
});
