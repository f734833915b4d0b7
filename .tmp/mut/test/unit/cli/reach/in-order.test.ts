import { expect, test } from 'vitest';
import { InOrder } from '../../../../src/cli/reach/in-order.ts';

test('what comes is passed on in order, as soon as it can be', () => {
  const passed: string[] = [];
  const order = new InOrder<string>(
    ['a', 'b', 'c'],
    (value) => passed.push(value),
    () => 0,
  );
  order.come('b', 'B');
  expect(passed).toEqual([]);
  order.come('a', 'A');
  expect(passed).toEqual(['A', 'B']);
  order.come('c', undefined);
  expect(passed).toEqual(['A', 'B']);
});

test('who is long in coming holds up nobody, and is passed on when there', () => {
  let nowMs = 0;
  const passed: string[] = [];
  const order = new InOrder<string>(
    ['a', 'b', 'c', 'd'],
    (value) => passed.push(value),
    () => nowMs,
  );
  order.come('c', 'C');
  nowMs = 5_000;
  order.come('d', 'D');
  expect(passed).toEqual(['C', 'D']);
  order.come('b', 'B');
  order.come('a', undefined);
  expect(passed).toEqual(['C', 'D', 'B']);
});
