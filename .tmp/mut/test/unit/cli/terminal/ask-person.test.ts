import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { askPerson } from '../../../../src/cli/terminal/ask-person.ts';
import { ConfigError } from '../../../../src/errors.ts';
import { aRuntime } from '../../../support/runtime.ts';

function terminal(answer: string) {
  const stdin = Object.assign(new PassThrough(), { isTTY: true });
  stdin.end(answer);
  return aRuntime({ stdin, isErrorTerminal: true });
}

describe('a question', () => {
  test.each([
    ['y\n', true],
    [' Y \n', true],
    ['n\n', false],
    ['\n', false],
    ['yes, perhaps\n', false],
  ])('answered by %j is %s', async (answer, want) => {
    const { runtime, told } = terminal(answer);
    expect(await askPerson('Delete all?', runtime)).toBe(want);
    expect(told.err).toContain('Delete all? [y/N]');
    expect(told.out).toBe('');
  });

  test('that nobody answers is no yes', async () => {
    const { runtime } = terminal('');
    expect(await askPerson('Delete all?', runtime)).toBe(false);
  });

  test('is not put to a pipe', async () => {
    const { runtime } = aRuntime({ isErrorTerminal: true });
    await expect(askPerson('Delete all?', runtime)).rejects.toThrow(ConfigError);
  });
});
