import { describe, expect, test } from 'vitest';
import { endingFirst, isEndingSoon, renewalDueAtMs } from '../../../src/derive/lifetime.ts';
import { DAY, HOUR, NOW } from '../../support/builders.ts';

const of = (lengthMs: number, leftMs: number) => ({ fromMs: NOW + leftMs - lengthMs, untilMs: NOW + leftMs });
const unknown = (leftMs: number) => ({ fromMs: undefined, untilMs: NOW + leftMs });

describe('a credential is to be replaced', () => {
  test.each([
    ['of a year', of(360 * DAY, 120 * DAY)],
    ['of an hour, however long was asked for', of(HOUR, HOUR / 3)],
    ['of which nobody knows when it was made', unknown(7 * DAY)],
  ])('%s: now', (_, lifetime) => {
    expect(renewalDueAtMs(lifetime)).toBe(NOW);
  });
});

describe('a credential ends soon', () => {
  test.each([
    ['of a year, eight days before', of(360 * DAY, 8 * DAY), false],
    ['of a year, less than a week before', of(360 * DAY, 7 * DAY - 1), true],
    ['of a day, when it is replaced', of(DAY, DAY / 3), false],
    ['of a day, when it was not', of(DAY, DAY / 6 - 1), true],
    ['which has ended', of(DAY, -1), true],
    ['of which nobody knows when it was made', unknown(6 * DAY), true],
    ['of which nobody knows that, long before', unknown(8 * DAY), false],
  ])('%s: %j: %s', (_, lifetime, soon) => {
    expect(isEndingSoon(lifetime, NOW)).toBe(soon);
  });
});

test('of two the first end counts', () => {
  const [early, late] = [unknown(1), unknown(2)];
  expect([endingFirst(early, late), endingFirst(late, early)]).toEqual([early, early]);
  expect([
    endingFirst(undefined, late),
    endingFirst(early, undefined),
    endingFirst(undefined, undefined),
  ]).toEqual([late, early, undefined]);
});
