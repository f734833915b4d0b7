import { expect, test } from 'vitest';
import { newestOf } from '../../../src/derive/skew.ts';

test.each([
  [['0.2.0', '0.10.0', '0.9.9'], '0.10.0'],
  [['v1.0.0', '0.99.99'], 'v1.0.0'],
  [['0.1.1', '0.1.0'], '0.1.1'],
  [[undefined, 'latest', '0.1.0'], '0.1.0'],
  [['latest', undefined], undefined],
  [[], undefined],
])('of %j the newest is %s', (releases, newest) => {
  expect(newestOf(releases)).toBe(newest);
});
