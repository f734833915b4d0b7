import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/program/commands.ts';
import { runProgram } from '../../../src/cli/program/program.ts';
import type { CommandEntry } from '../../../src/cli/terminal/command.ts';
import { environmentName, type Flag } from '../../../src/config/flags.ts';
import { aRuntime } from '../../support/runtime.ts';

/** As the management plane issues them, and shorter than that. */
const LONG = 'x7k2pq9r4canary5z8w3v6t1m0n2b4c6d8f9g7h5j3k1l2p4q6r8s0';
const SHORT = 'canary-9!';

interface Leaf {
  readonly path: readonly string[];
  readonly flags: readonly Flag[];
  readonly arguments: number;
}

async function leavesOf(entries: readonly CommandEntry[], path: readonly string[] = []): Promise<Leaf[]> {
  const found = await Promise.all(
    entries.map(async ({ name, load }) => {
      const { flags = [], subcommands = [], arguments: names = [], run } = await load();
      const here = [...path, name];
      const own = run ? [{ path: here, flags, arguments: names.length }] : [];
      return [...own, ...(await leavesOf(subcommands, here))];
    }),
  );
  return found.flat();
}

const LEAVES = await leavesOf(COMMANDS);
const isName = ({ flag, placeholder }: Flag): boolean =>
  ['NAME', 'NAMES', 'ID'].includes(placeholder ?? '') && !flag.endsWith('context');

async function said(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; text: string }> {
  const { runtime, told } = aRuntime({ env });
  const code = await runProgram(args, runtime);
  return { code, text: `${told.out}${told.err}` };
}

async function expectHidden(
  args: readonly string[],
  secret: string,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { code, text } = await said(args, env);
  expect(text, args.join(' ')).not.toContain(secret);
  expect({ code, tells: text.includes('whole bearer') }, `${args.join(' ')}: ${text}`).toEqual({
    ...{ code: 2, tells: true },
  });
}

test('there are commands of all kinds', () => {
  expect(LEAVES.length).toBeGreaterThan(15);
});

describe.each(LEAVES.map((leaf) => [leaf.path.join(' '), leaf] as const))('%s', (_path, leaf) => {
  test('repeats no pasted bearer that is given for a name', async () => {
    for (const bearer of [`token-x:${LONG}`, `ext/token-x:${LONG}`, `token/token-x:${LONG}`])
      await expectHidden([...leaf.path, bearer], LONG);
    if (leaf.arguments > 0) await expectHidden([...leaf.path, `token-x:${SHORT}`], SHORT);
  });

  test('nor one in a flag, nor in its variable', async () => {
    const valued = leaf.flags.filter(({ placeholder }) => placeholder !== undefined);
    for (const flag of valued) {
      const name = `--${flag.flag}`;
      await expectHidden([...leaf.path, name, `token-x:${LONG}`], LONG);
      await expectHidden([...leaf.path, `${name}=token-x:${LONG}`], LONG);
      const filled = Array.from({ length: leaf.arguments }, () => 'x');
      if (isName(flag)) await expectHidden([...leaf.path, ...filled, name, `token-x:${SHORT}`], SHORT);
      const { text } = await said([...leaf.path, ...filled, name, `token-x:${SHORT}`, '--nonesuch']);
      expect(text, name).not.toContain(SHORT);
    }
    for (const flag of valued.filter(({ typedOnly }) => !typedOnly)) {
      const { code, text } = await said([...leaf.path, 'x'], {
        [environmentName(flag.flag)]: `token-x:${LONG}`,
      });
      expect(text).not.toContain(LONG);
      expect(code).not.toBe(0);
    }
  });
});

test.each([
  [`token-x:${LONG}`],
  ['token', `token-x:${LONG}`],
  [`--token=token-x:${LONG}`],
  ['explain', '-f', `token-x:${LONG}`],
  ['help', `token-x:${LONG}`],
])('what is no command repeats none either: %s', async (...args) => expectHidden(args, LONG));

test.each([[`token-x:${SHORT}`], ['token', `token-x:${SHORT}`], [`--token=token-x:${SHORT}`]])(
  'nor a short one: %s',
  async (...args) => {
    const { code, text } = await said(args);
    expect(text).not.toContain(SHORT);
    expect(code).toBe(2);
  },
);

test('contexts, paths and addresses have colons', async () => {
  for (const args of [
    ['status', '--context', 'arn:aws:eks:eu-central-1:1234567890:cluster/x', '--kubeconfig', '/nonesuch'],
    ['status', '--kubeconfig', 'C:/Users/somebody/kubeconfig'],
    ['status', '--kubeconfig', 'C:\\Users\\somebody\\kubeconfig-of-mine'],
  ])
    expect((await said(args)).text, args.join(' ')).not.toContain('whole bearer');
});

test.each([
  ...['system:kube-controller-manager', 'system:volume-scheduler', 'oidc:platform-administrators'],
  ...['keycloak:team-42-platform', 'azuread:8a5b0c1e-1111-2222-3333-444455556666'],
])('users and groups have colons: %s', async (name) => {
  const args = ['status', '--as', name, '--as-group', name, '--kubeconfig', '/nonesuch'];
  expect((await said(args)).text).toContain('/nonesuch');
});
