import { describe, expect, test } from 'vitest';
import { growthOf, type Measure, type Sample } from '../../chaos/growth.ts';

/** Ten minutes, a sample every five seconds. */
function tenMinutes(of: (index: number) => Partial<Sample>): readonly Sample[] {
  return Array.from({ length: 120 }, (_, index) => ({
    ...{ atMs: index * 5_000, liveMb: 50, residentMb: 200, files: 30, sockets: 8, resources: 10, timers: 20 },
    ...of(index),
  }));
}

const leaks = (samples: readonly Sample[]): readonly Measure[] =>
  growthOf(samples)
    .filter(({ isLeak }) => isLeak)
    .map(({ measure }) => measure);
/** Without chance, and without a period that a window could fit. */
const noise = (index: number, by: number): number => ((index * 7_919) % 97) * (by / 97);

describe('growthOf', () => {
  test('finds nothing where nothing grows', () => {
    expect(leaks(tenMinutes(() => ({})))).toEqual([]);
  });

  test.each<[Measure, number]>([
    ['liveMb', 0.3],
    ['files', 0.2],
    ['sockets', 0.2],
    ['resources', 0.3],
    ['timers', 0.3],
  ])('finds %s that rises under its noise', (measure, each) => {
    const samples = tenMinutes((index) => ({ [measure]: 10 + each * index + noise(index, 6) }));
    expect(leaks(samples)).toEqual([measure]);
  });

  test('takes connections that come and go by dozens for breathing', () => {
    const samples = tenMinutes((index) => ({ sockets: 12 + noise(index * index, 58) }));
    expect(leaks(samples)).toEqual([]);
  });

  test('takes what fills in the first third for filling', () => {
    const samples = tenMinutes((index) => ({ liveMb: 20 + Math.min(index, 40) }));
    expect(leaks(samples)).toEqual([]);
  });

  test('takes a step of what is resident for a mood of V8, up to a limit', () => {
    expect(leaks(tenMinutes((index) => ({ residentMb: index < 80 ? 205 : 235 })))).toEqual([]);
    expect(leaks(tenMinutes((index) => ({ residentMb: index < 80 ? 205 : 405 })))).toEqual(['residentMb']);
  });

  test('finds what is resident and rises for an hour', () => {
    const hour = (of: (index: number) => number): readonly Sample[] =>
      tenMinutes((index) => ({ atMs: index * 40_000, residentMb: of(index) }));
    expect(leaks(hour((index) => 200 + index + noise(index, 20)))).toEqual(['residentMb']);
    expect(leaks(hour((index) => (index < 80 ? 205 : 235)))).toEqual([]);
  });

  test('says how steep it is', () => {
    const [live] = growthOf(tenMinutes((index) => ({ liveMb: 10 + index })));
    expect(live).toMatchObject({ measure: 'liveMb', most: 129 });
    expect(live?.perHour).toBeCloseTo(720, 0);
  });
});
