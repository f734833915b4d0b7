import { expect, test } from 'vitest';
import { age, humanDuration, until } from '../../../src/print/duration.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const YEAR = 365 * DAY;

// As k8s.io/apimachinery's duration.HumanDuration, which kubectl prints ages with.
test.each([
  [-5 * SECOND, '0s'],
  [0, '0s'],
  [999, '0s'],
  [119 * SECOND, '119s'],
  [2 * MINUTE, '2m'],
  [9 * MINUTE + 59 * SECOND, '9m59s'],
  [10 * MINUTE + 30 * SECOND, '10m'],
  [179 * MINUTE, '179m'],
  [3 * HOUR, '3h'],
  [7 * HOUR + 59 * MINUTE, '7h59m'],
  [8 * HOUR + 59 * MINUTE, '8h'],
  [47 * HOUR, '47h'],
  [2 * DAY, '2d'],
  [7 * DAY + 23 * HOUR, '7d23h'],
  [8 * DAY + 23 * HOUR, '8d'],
  [729 * DAY, '729d'],
  [2 * YEAR, '2y'],
  [7 * YEAR + 364 * DAY, '7y364d'],
  [8 * YEAR + 300 * DAY, '8y'],
])('%d ms is %s', (ms, want) => {
  expect(humanDuration(ms)).toBe(want);
});

test('an age is counted from a moment, and is none without one', () => {
  expect(age(1_000, 61_000)).toBe('60s');
  expect(age(undefined, 61_000)).toBe('<none>');
  expect(age(undefined, 61_000, 'never')).toBe('never');
});

test('a moment to come is how long until then, one that passed is said so', () => {
  const ago = (text: string): string => `${text} ago`;
  expect(until(HOUR * 5, 0, ago)).toBe('5h');
  expect(until(0, 30 * SECOND, ago)).toBe('30s ago');
  expect(until(undefined, 0, ago)).toBe('never');
});
