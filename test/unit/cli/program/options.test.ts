import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { commandFirst } from '../../../../src/cli/program/options.ts';
import { runProgram } from '../../../../src/cli/program/program.ts';
import { ASK_FLAGS } from '../../../../src/config/ask.ts';
import { aRuntime } from '../../../support/runtime.ts';

const moved = (line: string): string => commandFirst(line.split(' '), ASK_FLAGS).join(' ');

describe('flags in front of the command', () => {
  test.each([
    ['-v 3 status', 'status -v 3'],
    ['-v3 status', 'status -v3'],
    ['--verbosity=3 status c-one', 'status c-one --verbosity=3'],
    ['-n ours --no-headers token list', 'token list -n ours --no-headers'],
    ['--kubeconfig f --as=ann operator', 'operator --kubeconfig f --as=ann'],
    ['-v 3 wait -- -odd', 'wait -v 3 -- -odd'],
  ])('%s is %s', (typed, wanted) => expect(moved(typed)).toBe(wanted));

  test.each(['status -v 3', '--help', '--version', '--nonsense 3 status', '-x status', '', '-v', '-v 3'])(
    '%s stays',
    (typed) => expect(moved(typed)).toBe(typed),
  );

  test('are moved, and no word is lost', () => {
    const word = fc.constantFrom(
      '-v',
      '3',
      '-v3',
      '--as=ann',
      '-o',
      'json',
      '--no-headers',
      '--',
      'status',
      '-x',
    );
    fc.assert(
      fc.property(fc.array(word), (typed) => {
        const after = commandFirst(typed, ASK_FLAGS);
        expect([...after].sort()).toEqual([...typed].sort());
      }),
    );
  });

  test('count for the command', async () => {
    const { runtime, told } = aRuntime();
    expect(await runProgram(['-o', 'json', 'version', '--client'], runtime)).toBe(0);
    expect(JSON.parse(told.out)).toMatchObject({ kind: 'Versions' });
  });

  test('that the command does not have are its own to refuse', async () => {
    const { runtime, told } = aRuntime();
    expect(await runProgram(['-o', 'json', 'operator'], runtime)).toBe(2);
    expect(told.err).toMatch(/^ace-operator: unknown option '-o'/);
  });
});
