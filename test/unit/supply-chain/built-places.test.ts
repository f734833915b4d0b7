import { readdirSync, readFileSync } from 'node:fs';
import { parse } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = new URL('../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');

/** What make puts into dist/ beside the compiled program. */
const places = new Set(
  [...read('Makefile').matchAll(/\bdist\/([a-z][\w.-]*)/g)].map(([, name]) => name ?? ''),
);

test('nothing that make puts into dist/ has the name of a part of the compiled program', () => {
  const compiled = readdirSync(new URL('src', ROOT)).map((name) => parse(name).name);
  expect([...places].filter((place) => compiled.includes(parse(place).name))).toEqual([]);
});

test('and nothing of it is in the package for npm', () => {
  const { files } = JSON.parse(read('package.json')) as { files: string[] };
  expect(files).toEqual(expect.arrayContaining([...places].map((place) => `!dist/${place}`)));
});
