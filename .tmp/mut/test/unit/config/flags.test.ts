import { describe, expect, test } from 'vitest';
import { runProgram } from '../../../src/cli/program/program.ts';
import type { Runtime } from '../../../src/cli/terminal/runtime.ts';
import { AUTHENTICATOR_FLAGS } from '../../../src/config/authenticator.ts';
import { duration, environmentName, list } from '../../../src/config/flags.ts';
import { OPERATOR_FLAGS } from '../../../src/config/operator.ts';
import { aRuntime } from '../../support/runtime.ts';

/** Runs the program's own command line, without a process of its own. */
async function run(
  args: readonly string[],
  env: Runtime['env'] = {},
): Promise<{ code: number; out: string; err: string }> {
  const { runtime, told } = aRuntime({ env });
  return { code: await runProgram(args, runtime), ...told };
}

describe('flags', () => {
  test('environment variables are named after their flags', () => {
    expect(environmentName('log-level')).toBe('ACE_LOG_LEVEL');
    expect(environmentName('legacy-401')).toBe('ACE_LEGACY_401');
  });

  test('a list is what stands between commas, trimmed, without the empty', () => {
    expect(list(' a, b ,,c,')).toEqual(['a', 'b', 'c']);
    expect(list('')).toEqual([]);
  });

  test.each([
    ['0s', 0],
    ['90s', 90_000],
    ['5m', 300_000],
    ['2h', 7_200_000],
  ])('%s is %d ms', (text, ms) => {
    expect(duration('x', text)).toBe(ms);
  });
});

describe('the command line', () => {
  test.each([
    ['operator', OPERATOR_FLAGS],
    ['authenticator', AUTHENTICATOR_FLAGS],
  ] as const)('%s --help names every flag with its environment variable', async (command, flags) => {
    const { code, out } = await run([command, '--help']);
    expect(code).toBe(0);
    const words = out.replace(/\s+/g, ' ');
    for (const { flag } of flags) {
      expect(words).toContain(`--${flag}`);
      expect(words).toContain(`env ${environmentName(flag)}`);
    }
  });

  const bad: readonly [readonly string[], Runtime['env'], RegExp][] = [
    [['authenticator', '--nonsense'], {}, /unknown option '--nonsense'/],
    [['nonsense'], {}, /unknown command 'nonsense'/],
    [['authenticator', '--listen', '0.0.0.0:6440'], {}, /--listen: 0\.0\.0\.0:6440 is not loopback/],
    [
      ['authenticator', '--listen', '127.0.0.1:1', '--listen', '10.0.0.1:2'],
      {},
      /--listen: 10\.0\.0\.1:2 is not loopback/,
    ],
    [['authenticator', '--listen'], {}, /argument missing/],
    [
      ['authenticator'],
      { ACE_LOG_LEVEL: 'loud' },
      /--log-level: wanted error, warn, info, debug; got 'loud'/,
    ],
    [['authenticator', '--no-extra', '--namespace', 'X'], {}, /--namespace: 'X'/],
    [['authenticator', '--kubeconfig', '/does/not/exist'], {}, /cannot load kubeconfig \/does\/not\/exist/],
  ];
  test.each(bad)('%j with %j exits 2 with one line', async (args, env, message) => {
    const { code, out, err } = await run(args, env);
    expect(code).toBe(2);
    expect(err).toMatch(message);
    expect(err.trim().split('\n')).toHaveLength(1);
    expect(out).toBe('');
  });
});
