import { expect, test } from 'vitest';
import { type Knowing, KnownKeys } from '../../../../src/operator/engage/known-keys.ts';

const NOBODY: ReadonlySet<string> = new Set();

/** Clusters that are connected and hold nothing. */
function aWorld(): { keys: KnownKeys<Knowing>; concerned: Set<string>; asked: string[] } {
  const concerned = new Set<string>();
  const asked: string[] = [];
  const connection = { observed: { holdsToken: () => false, forUser: () => undefined } };
  const keys = new KnownKeys<Knowing>((name) => ({
    connection: connection as unknown as Knowing['connection'],
    concerns: (key) => {
      asked.push(name);
      return concerned.has(`${name} ${key}`);
    },
  }));
  return { keys, concerned, asked };
}

test('what ended in a cluster is not kept, whether one knew it or several', () => {
  const { keys, asked } = aWorld();
  for (const cluster of ['a', 'b', 'c']) keys.add('user/u-1', cluster);
  keys.add('token/t-1', 'a');
  for (const cluster of ['a', 'b', 'c']) keys.ended('user/u-1', cluster);
  keys.ended('token/t-1', 'a');
  asked.length = 0;
  expect([...keys.concerned('user/u-1', NOBODY), ...keys.concerned('token/t-1', NOBODY)]).toEqual([]);
  expect(asked).toEqual([]);
});

test('the end in one cluster asks that one alone, and is no end while it still has to do with the key', () => {
  const { keys, concerned, asked } = aWorld();
  for (const cluster of ['a', 'b', 'c']) keys.add('user/u-1', cluster);
  concerned.add('b user/u-1');
  keys.ended('user/u-1', 'b');
  expect(asked).toEqual(['b']);
  expect([...keys.concerned('user/u-1', NOBODY)]).toHaveLength(1);
});

test('clusters that are given up are forgotten with all that they knew', () => {
  const { keys, concerned, asked } = aWorld();
  for (const cluster of ['a', 'b', 'c']) keys.add('user/u-1', cluster);
  keys.add('token/t-1', 'a');
  concerned.add('c user/u-1');
  keys.forget(new Set(['a', 'b']));
  expect([...keys.concerned('token/t-1', NOBODY)]).toEqual([]);
  expect([...keys.concerned('user/u-1', NOBODY)]).toHaveLength(1);
  expect(asked).toEqual(['c']);
});
