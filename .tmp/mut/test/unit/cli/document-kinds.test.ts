import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DOCUMENT_KINDS } from '../../support/json-schema.ts';

const CLI = new URL('../../../src/cli/', import.meta.url);

/** Kinds of documents that commands make themselves; a Token is a server's. */
function kindsInCode(): ReadonlySet<string> {
  const files = readdirSync(CLI, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.ts'),
  );
  const texts = files.map((file) => readFileSync(new URL(file, CLI), 'utf8'));
  return new Set(
    texts.flatMap((text) => [...text.matchAll(/kind: '([A-Z]\w+)'/g)].map(([, kind]) => kind ?? '')),
  );
}

test('docs/schemas describes every kind of document that a command makes, and no other', () => {
  expect([...kindsInCode(), 'Token'].sort()).toEqual([...DOCUMENT_KINDS].sort());
});
