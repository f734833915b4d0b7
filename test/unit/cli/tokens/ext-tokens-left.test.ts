import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { rawExtToken, rawToken } from '../../../support/builders.ts';
import { listOf, PaperPlanes } from '../../../support/paper-planes.ts';
import { aRuntime } from '../../../support/runtime.ts';

/** A revocation takes Tokens away. What is meant by it and is of ext.cattle.io is left, and is no success. */

const planes = new PaperPlanes();
let deleted: string[];
let ext: object | { code: number };
beforeAll(() => planes.listen());
afterAll(() => planes.close());
beforeEach(() => {
  deleted = [];
  ext = listOf([
    rawExtToken(),
    rawExtToken({ cluster: 'c-2', 'user-id': 'u-2' }, { name: 'e-2' }),
    rawExtToken({ enabled: 'false' }, { name: 'e-off' }),
  ]);
  planes.setClusters('c-1', 'c-2');
  planes.answer = ({ method, plural, name, url }) => {
    if (method === 'DELETE') {
      deleted.push(name ?? '');
      return { kind: 'Status', status: 'Success' };
    }
    if (url.pathname.includes('/namespaces/cattle-tokens/')) {
      if ('code' in ext || name === undefined) return ext;
      return (ext as { items: { metadata: { name: string } }[] }).items.find(
        ({ metadata }) => metadata.name === name,
      );
    }
    return plural === 'tokens' && name === undefined ? listOf([rawToken({}, { name: 'a-1' })]) : undefined;
  };
});

async function run(...args: readonly string[]): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime();
  const code = await runProgram(['token', ...args, '--kubeconfig', planes.kubeconfig], runtime);
  return { code, ...told };
}

const left = (name: string): RegExp =>
  new RegExp(`token ext/${name}: .*ext\\.cattle\\.io.*kubectl delete tokens\\.ext\\.cattle\\.io ${name}`);

describe('what is left of ext.cattle.io is named, and makes the exit code 1', () => {
  test.each([
    ['of a cluster', ['--cluster', 'c-1'], ['t-1']],
    ['of a user', ['--user', 'u-1'], ['t-1']],
    ['of all', ['--all', '--yes'], ['t-1', 'e-2']],
    ['by age', ['--expiring-within', '7d', '--yes', '--dry-run', 'client'], ['t-1', 'e-2']],
    ['in a dry run', ['--cluster', 'c-1', '--dry-run', 'client'], ['t-1']],
    ['when tokens are disabled', ['--cluster', 'c-1', '--keep', '--dry-run', 'client'], ['t-1']],
  ])('%s', async (_title, filter, names) => {
    const { code, err } = await run('revoke', ...filter);
    expect(code).toBe(1);
    for (const name of ['t-1', 'e-2', 'e-off'])
      if (names.includes(name)) expect(err).toMatch(left(name));
      else expect(err).not.toContain(name);
    if (!filter.includes('--dry-run')) expect(deleted).toEqual(['a-1']);
  });

  test('also where there is nothing else, without a question', async () => {
    const { code, out, err } = await run('revoke', '--cluster', 'c-2');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(left('e-2'));
  });

  test('also to programs', async () => {
    const { code, out } = await run('revoke', '--cluster', 'c-1', '-o', 'json');
    expect(code).toBe(1);
    expect(JSON.parse(out).items).toMatchObject([
      { name: 'ext/t-1', result: 'failed', message: expect.stringContaining('ext.cattle.io') },
      { name: 'a-1', result: 'deleted' },
    ]);
  });

  test('also of one that was named, whether or not one that is missing is a fault', async () => {
    for (const more of [[], ['--ignore-not-found']]) {
      const { code, err } = await run('delete', 't-1', ...more);
      expect({ code, err }).toMatchObject({ code: 1, err: expect.stringContaining('ext.cattle.io') });
    }
  });
});

test('one that is disabled opens nothing, and is no fault', async () => {
  ext = listOf([rawExtToken({ enabled: 'false' })]);
  expect(await run('revoke', '--cluster', 'c-1')).toMatchObject({ code: 0, err: '' });
});

describe('where that kind cannot be read it is not known whether any is left', () => {
  beforeEach(() => {
    ext = { code: 403 };
  });

  test.each([
    ['a filter', ['revoke', '--cluster', 'c-1']],
    ['a filter that hits nothing else', ['revoke', '--cluster', 'c-2']],
    ['a name that is no Token', ['delete', 'a-2', '--ignore-not-found']],
  ])('%s', async (_title, args) => {
    const { code, err } = await run(...args);
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringMatching(/ext\.cattle\.io.*403/) });
  });

  test('what can be taken away is', async () => {
    await run('revoke', '--cluster', 'c-1');
    expect(deleted).toEqual(['a-1']);
  });

  test('a failure weighs more', async () => {
    expect((await run('delete', 'a-2')).code).toBe(1);
  });
});
