import { expect, test } from 'vitest';
import { shortened } from '../../../src/print/printable.ts';

const BOUNDS = { items: 20, characters: 200 };

test.each([
  [['a'], 'a'],
  [['a', 'b'], 'a, b'],
  [Array.from({ length: 23 }, (_, n) => `g${n}`), /^g0, .*, g19 and 3 more$/],
  [['x'.repeat(90), 'y'.repeat(90), 'z'.repeat(90)], /^x{90}, y{90} and 1 more$/],
  [['x'.repeat(500), 'b'], /^x{200}… and 1 more$/],
])('%#: a list is bounded', (list, want) => {
  expect(shortened(list, BOUNDS)).toMatch(want);
});

test('5,000 groups are one line of some 200 characters', () => {
  const groups = Array.from({ length: 5_000 }, (_, n) => `activedirectory_group://team-${n}`);
  expect(shortened(groups, BOUNDS).length).toBeLessThan(230);
});
