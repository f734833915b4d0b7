import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/program/commands.ts';
import { runProgram } from '../../../src/cli/program/program.ts';
import type { Command, CommandEntry } from '../../../src/cli/terminal/command.ts';
import { environmentName, type Flag } from '../../../src/config/flags.ts';
import { aRuntime } from '../../support/runtime.ts';

interface Runnable {
  /** As it is typed, with an argument for each that has to be there. */
  readonly words: readonly string[];
  readonly command: Command;
}

/** Without these a command says only that they are missing. The last of two values counts. */
const NEEDED_FLAGS: Readonly<Record<string, readonly string[]>> = {
  cleanup: ['--kubeconfig', '/nonexistent/kubeconfig'],
  explain: ['--kubeconfig', '/nonexistent/kubeconfig', '--kubeconfig-file', '/nonexistent/given'],
  join: ['--downstream-kubeconfig', '/nonexistent/given'],
  leave: ['--downstream-kubeconfig', '/nonexistent/given'],
  'token revoke': ['--all'],
  'token create': ['--user', 'u-1', '--output-file', '/nonexistent/file'],
};

async function runnable(entries: readonly CommandEntry[], path: readonly string[] = []): Promise<Runnable[]> {
  const found = await Promise.all(
    entries.map(async (entry): Promise<Runnable[]> => {
      const command = await entry.load();
      const words = [...path, entry.name];
      const below = await runnable(command.subcommands ?? [], words);
      if (!command.run) return below;
      const needed = (command.arguments ?? []).filter(({ optional }) => !optional);
      const flags = NEEDED_FLAGS[words.join(' ')] ?? [];
      return [{ words: [...words, ...flags, ...needed.map(() => 'x-1')], command }, ...below];
    }),
  );
  return found.flat();
}

const ALL = await runnable(COMMANDS);
/** What takes something away, or switches it off. */
const REMOVING = new Set([
  'token disable',
  'token enable',
  'token delete',
  'token revoke',
  'gc',
  'drain',
  'cleanup',
  'leave',
  'adoption',
]);
const isRemoving = ({ words }: Runnable): boolean =>
  [...REMOVING].some((name) => `${words.join(' ')} `.startsWith(`${name} `));
const flagsOf = (some: readonly Runnable[]): [string, Runnable, Flag][] =>
  some.flatMap((one) =>
    (one.command.flags ?? []).map((flag): [string, Runnable, Flag] => [
      `${one.words.join(' ')} --${flag.flag}`,
      one,
      flag,
    ]),
  );

async function run(args: readonly string[], env = {}): Promise<{ code: number; err: string }> {
  const { runtime, told } = aRuntime({ env });
  return { code: await runProgram(args, runtime), err: told.err };
}

describe('a shell variable that was not set', () => {
  const valued = flagsOf(ALL).filter(([, , flag]) => flag.placeholder !== undefined && !flag.mayBeEmpty);
  test.each(valued)('%s "" is a usage error', async (_title, { words }, { flag }) => {
    for (const empty of ['', ' ']) {
      const { code, err } = await run([...words, `--${flag}`, empty]);
      expect(code).toBe(2);
      expect(err).toContain(`--${flag}: `);
    }
  });

  test.each(ALL.filter(({ command }) => command.arguments).map((one) => [one.words.join(' '), one] as const))(
    '%s with an empty argument is a usage error',
    async (_title, { words }) => {
      const typed = words.at(-1) === 'x-1' ? words.slice(0, -1) : words;
      expect(await run([...typed, ''])).toMatchObject({ code: 2 });
    },
  );
});

describe('an environment variable', () => {
  const HARMLESS = ['request-timeout', 'output', 'no-headers', 'wait', 'timeout', 'verbosity'];
  const flags = flagsOf(ALL.filter(isRemoving)).filter(([, , { flag }]) => !HARMLESS.includes(flag));

  test('is looked at for all of them', () => {
    expect(new Set(flags.map(([, { words }]) => words[0]))).toEqual(
      new Set(['token', 'gc', 'drain', 'cleanup', 'leave', 'adoption']),
    );
    expect(flags.length).toBeGreaterThan(40);
  });

  test.each(flags)('decides nothing of %s', async (_title, { words }, { flag, typedOnly }) => {
    const env = { [environmentName(flag)]: flag === 'dry-run' ? 'client' : 'true' };
    const { code, err } = await run(words, env);
    if (typedOnly) {
      // It is as if it were not there: the command ends as it does without.
      expect({ code, err }).toEqual(await run(words));
      return;
    }
    expect(code).toBe(2);
    expect(err).toContain(`${environmentName(flag)} is set`);
  });
});

test('whatever is not known to only look goes on when nobody reads its output', () => {
  const looking = ALL.filter(({ command }) => command.onlyLooks).map(({ words }) => words[0]);
  expect(looking).toEqual(['explain', 'preflight', 'status', 'wait', 'token', 'version', 'completion']);
  expect(ALL.filter((one) => one.command.onlyLooks && isRemoving(one))).toEqual([]);
});
