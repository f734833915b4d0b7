import { expect, test } from 'vitest';
import { sharedLabels, sharedText } from '../../../src/api/shared-text.ts';

test('every text comes out as it went in, however many there were between', () => {
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 10_000; index += 1) expect(sharedText(`text-${index}`)).toBe(`text-${index}`);
  }
});

test('a text of any length comes out as it went in', () => {
  expect(sharedText('x'.repeat(100_000))).toBe('x'.repeat(100_000));
});

test('labels come out as they went in, and the same ones as one', () => {
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 5_000; index += 1)
      expect(sharedLabels({ cluster: `c-${index}` })).toEqual({ cluster: `c-${index}` });
  }
  expect(sharedLabels({ a: 'x', b: 'y' })).toBe(sharedLabels({ a: 'x', b: 'y' }));
});

test('labels that look like others when they are written in a row are not those', () => {
  const sets = [
    { a: 'b', c: 'd' },
    { 'a\0b': 'c\0d' },
    { 'a","b': 'c","d' },
    { a: 'b","c":"d' },
    { c: 'd', a: 'b' },
  ];
  for (const labels of sets) expect(sharedLabels({ ...labels })).toEqual(labels);
  expect(new Set(sets.map((labels) => JSON.stringify(sharedLabels({ ...labels })))).size).toBe(sets.length);
});

test('labels of any length come out as they went in, and are not held', () => {
  const long = (): Record<string, string> => ({ a: 'x'.repeat(10_000) });
  expect(sharedLabels(long())).toEqual(long());
  expect(sharedLabels(long())).not.toBe(sharedLabels(long()));
});
