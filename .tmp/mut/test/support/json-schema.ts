import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { expect } from 'vitest';

const FILE = new URL('../../docs/schemas/cli.v1alpha1.json', import.meta.url);
const SCHEMA = JSON.parse(readFileSync(FILE, 'utf8')) as { readonly $defs: Readonly<Record<string, object>> };

const DATE_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const ajv = new Ajv2020({ allErrors: true, discriminator: false, formats: { 'date-time': DATE_TIME } });
ajv.addSchema(SCHEMA, 'cli');

/** Kinds that a schema is there for. */
export const DOCUMENT_KINDS = Object.keys(SCHEMA.$defs).filter(
  (name) => !['Check', 'Failure', 'List'].includes(name),
);

/** Kinds that were seen in output so far. */
export const seenKinds = new Set<string>();

/**
 * What a command printed with `-o json`, which docs/schemas has to know to the last field.
 *
 * @param kind - of the document, or of what its list is of
 */
export function expectDocument(kind: string, printed: string): void {
  const document = JSON.parse(printed) as { kind: string; items?: readonly { kind: string }[] };
  const isList = document.kind === 'List';
  const documents = isList ? (document.items ?? []) : [document];
  expect(documents.length, `no ${kind} in a list`).toBeGreaterThan(0);
  const validate = ajv.getSchema(`cli#/$defs/${kind}`);
  if (!validate) throw new Error(`docs/schemas has no ${kind}`);
  for (const one of documents) {
    expect(one.kind).toBe(kind);
    expect(validate(one), `${kind}: ${ajv.errorsText(validate.errors)}`).toBe(true);
  }
  if (isList) expect(ajv.getSchema('cli#/$defs/List')?.(document)).toBe(true);
  expect(ajv.getSchema('cli')?.(document), 'exactly one kind fits').toBe(true);
  seenKinds.add(kind);
}
