import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { backoffMs, pause } from '../../../src/kube/backoff.ts';

describe('backoffMs', () => {
  const cases = {
    'the first failure waits at least half the base': { failures: 1, random: 0, want: 50 },
    'and at most the base': { failures: 1, random: 1, want: 100 },
    'each failure doubles it': { failures: 4, random: 1, want: 800 },
    'it stops growing at the maximum': { failures: 20, random: 1, want: 1_000 },
    'spread stays below the maximum': { failures: 20, random: 0, want: 500 },
    'a thousand failures are no infinity': { failures: 1_000_000, random: 0, want: 500 },
  };
  for (const [title, { failures, random, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(backoffMs(failures, 100, 1_000, () => random)).toBe(want);
    });
  }

  test('it is a number between half the base and the maximum, and does not shrink', () => {
    const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 10_000 }), unit, (failures, random) => {
        const delay = backoffMs(failures, 50, 60_000, () => random);
        expect(delay).toBeGreaterThanOrEqual(25);
        expect(delay).toBeLessThanOrEqual(60_000);
        expect(backoffMs(failures + 1, 50, 60_000, () => random)).toBeGreaterThanOrEqual(delay);
      }),
    );
  });
});

describe('pause', () => {
  test('ends at once when the signal has ended it before', async () => {
    await expect(pause(1_000_000, AbortSignal.abort())).resolves.toBeUndefined();
  });

  test('ends when the signal ends it, without a throw', async () => {
    const controller = new AbortController();
    const paused = pause(1_000_000, controller.signal);
    controller.abort();
    await expect(paused).resolves.toBeUndefined();
  });

  test('ends by itself', async () => {
    await expect(pause(1, new AbortController().signal)).resolves.toBeUndefined();
  });
});
