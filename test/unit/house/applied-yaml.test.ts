import { readdirSync } from 'node:fs';
import { expect, test } from 'vitest';
import { blocksOf } from '../../support/documents.ts';

const DOCS = new URL('../../../docs/', import.meta.url);
const pages = [
  'README.md',
  ...readdirSync(DOCS).flatMap((name) => (name.endsWith('.md') ? [`docs/${name}`] : [])),
];

// kubectl takes what begins with a brace for JSON; 1.32 refuses it then, the newest does not.
test('no page has kubectl read YAML that begins with a brace, unless it is JSON', () => {
  const texts = pages.flatMap((page) => blocksOf(page, 'sh').map(({ text }) => text));
  const read = texts.flatMap((text) => [...text.matchAll(/<<\s*'?(\w+)'?\n([\s\S]*?)\n\s*\1$/gm)]);
  expect(read.length).toBeGreaterThan(0);
  const braced = read.map(([, , text = '']) => text.trimStart()).filter((text) => text.startsWith('{'));
  for (const text of braced) expect(() => JSON.parse(text), text).not.toThrow();
});
