import { expect, test } from 'vitest';
import { WatchAge } from '../../../../src/operator/report/watch-age.ts';

test('is as old as the watch that was confirmed least recently', () => {
  const freshness = new WatchAge(['tokens', 'users'], 1_000);
  freshness.confirmed('tokens', 9_000);
  freshness.confirmed('users', 4_000);
  expect(freshness.ageSeconds(10_000)).toBe(6);
  freshness.confirmed('users', 9_500);
  expect(freshness.ageSeconds(10_000)).toBe(1);
});

test('a watch that was never confirmed makes it as old as the process', () => {
  const freshness = new WatchAge(['tokens', 'users'], 1_000);
  freshness.confirmed('tokens', 9_000);
  expect(freshness.ageSeconds(10_000)).toBe(9);
});

test('watches that do not count change nothing', () => {
  const freshness = new WatchAge(['tokens'], 1_000);
  freshness.confirmed('settings', 9_000);
  expect(freshness.ageSeconds(10_000)).toBe(9);
});

test('a clock that was set back does not make it negative', () => {
  const freshness = new WatchAge(['tokens'], 5_000);
  expect(freshness.ageSeconds(1_000)).toBe(0);
});
