import { expect, test } from 'vitest';
import { Turns } from '../../../src/hash/turns.ts';

function taken(turns: Turns<string>): readonly string[] {
  const all: string[] = [];
  for (let one = turns.take(); one !== undefined; one = turns.take()) all.push(one);
  return all;
}

test('one of a user does not wait for the many of another, nor a cluster for those of another', () => {
  const turns = new Turns<string>();
  for (const number of [1, 2, 3]) turns.add('c-1/u-many', `many-${number}`);
  turns.add('c-1/u-ada', 'ada');
  turns.add('c-2/u-many', 'other');
  turns.add('alone', 'alone');
  expect(turns.size).toBe(6);
  expect(taken(turns)).toEqual(['many-1', 'other', 'alone', 'ada', 'many-2', 'many-3']);
  expect(turns.size).toBe(0);
});

test('one that may not go yet keeps its place, and those behind it go', () => {
  const turns = new Turns<string>();
  for (const one of ['large-1', 'small-1', 'large-2']) turns.add('c-1/u-ada', one);
  turns.add('c-2/u-bob', 'large-3');
  const isSmall = (one: string): boolean => one.startsWith('small');
  expect(turns.take(isSmall)).toBe('small-1');
  expect(turns.take(isSmall)).toBeUndefined();
  expect(turns.size).toBe(3);
  expect(taken(turns)).toEqual(['large-3', 'large-1', 'large-2']);
});

test('what waits no longer has no turn, and is not counted', () => {
  const turns = new Turns<string>();
  turns.add('c-1/u-ada', 'first');
  turns.add('c-1/u-ada', 'second');
  turns.delete('c-1/u-ada', 'first');
  turns.delete('c-1/u-ada', 'never there');
  expect(turns.size).toBe(1);
  expect(turns.takeAll()).toEqual(['second']);
  expect(turns.take()).toBeUndefined();
});
