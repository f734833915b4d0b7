import { describe, expect, test } from 'vitest';
import { Progress } from '../../../src/print/progress.ts';

function aTarget(isTerminal: boolean) {
  const target = {
    isTerminal,
    columns: 80,
    text: '',
    nowMs: 1_000,
    write: (text: string) => {
      target.text += text;
    },
    now: () => target.nowMs,
  };
  return target;
}

describe('progress', () => {
  test('is nothing at all where no terminal is', () => {
    const target = aTarget(false);
    const progress = new Progress('deleting', target);
    progress.update(1, 2);
    progress.clear();
    expect(target.text).toBe('');
  });

  test('is one line, after half a second, drawn over at most ten times a second, and taken away', () => {
    const target = aTarget(true);
    const progress = new Progress('deleting', target);
    progress.update(0, 8);
    expect(target.text).toBe('');
    target.nowMs += 500;
    progress.update(0, 8);
    progress.update(1, 8);
    target.nowMs += 150;
    progress.update(4, 8);
    progress.clear();
    progress.clear();
    const lines = target.text.split('\r\u001b[K');
    expect(lines).toEqual([
      '',
      'deleting [........................] 0/8',
      'deleting [############............] 4/8',
      '',
    ]);
  });

  test('fits the terminal, and counts where the end is not known', () => {
    const target = aTarget(true);
    target.columns = 12;
    const progress = new Progress('reading tokens', target);
    target.nowMs += 500;
    progress.update(500);
    expect(target.text).toBe('\r\u001b[Kreading tok');
    target.columns = 80;
    target.nowMs += 500;
    progress.update(1_000);
    expect(target.text).toContain('reading tokens: 1000');
  });
});
