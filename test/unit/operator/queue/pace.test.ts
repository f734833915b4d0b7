import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Pace } from '../../../../src/operator/queue/pace.ts';

/** What the last of so many answers leads to, the others leading to nothing. */
function afterMany(pace: Pace, count: number, tookMs: (index: number) => number): string {
  const steps = Array.from({ length: count }, (_, index) => pace.answered(tookMs(index), count));
  expect(new Set(steps.slice(0, -1))).toEqual(new Set(['same']));
  return steps.at(-1) ?? '';
}

describe('Pace', () => {
  test('an API server that answers as fast as the way allows takes more at a time', () => {
    expect(afterMany(new Pace(), 16, (index) => 50 + index)).toBe('more');
  });

  test('one where writes wait three times as long as the quickest is given fewer', () => {
    expect(afterMany(new Pace(), 16, (index) => (index === 0 ? 2 : 20))).toBe('fewer');
  });

  test('between the two nothing changes', () => {
    expect(afterMany(new Pace(), 16, (index) => (index === 0 ? 10 : 26))).toBe('same');
  });

  test('a way that has become longer is the new measure after a while', () => {
    const pace = new Pace();
    afterMany(pace, 16, () => 10);
    const steps = Array.from({ length: 100 }, () => afterMany(pace, 16, () => 50));
    expect(steps[0]).toBe('fewer');
    expect(steps.at(-1)).toBe('more');
  });

  test('whatever it was told before, an even crowd ends it, and even quickness begins it again', () => {
    const took = fc.double({ min: 0.01, max: 10_000, noNaN: true });
    fc.assert(
      fc.property(fc.array(took, { maxLength: 500 }), fc.integer({ min: 1, max: 64 }), (before, atATime) => {
        const pace = new Pace();
        for (const tookMs of before) pace.answered(tookMs, atATime);
        const later = (tookMs: number): string[] =>
          Array.from({ length: 1_000 * atATime }, () => pace.answered(tookMs, atATime)).filter(
            (step) => step !== 'same',
          );
        expect(later(20_000).at(-1)).toBe('more');
        expect(later(100).at(-1)).toBe('more');
        expect(later(1_000)).toContain('fewer');
      }),
      { numRuns: 50 },
    );
  });
});
