import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MARKS } from '../../../hack/reference/marks.ts';
import { referencePages } from '../../../hack/reference/reference.ts';
import { projectFiles } from '../../../hack/repository.ts';
import * as names from '../../../src/api/names.ts';
import { environmentName } from '../../../src/config/flags.ts';

const DIRECTORY = new URL('../../../docs/reference/', import.meta.url);
const pages = await referencePages();

test('the pages are those that are generated, and no others', () => {
  expect(readdirSync(DIRECTORY).sort()).toEqual(Object.keys(pages).sort());
});

test.each(Object.entries(pages))(
  'docs/reference/%s is what the programs make; if not: make docs',
  (name, text) => {
    expect(readFileSync(new URL(name, DIRECTORY), 'utf8')).toBe(text);
  },
);

test('every label and annotation of src/api/names.ts is in the list', () => {
  const exported = Object.entries(names).filter(([name]) => /^(LABEL|ANNOTATION)_/.test(name));
  const missing = exported.filter(([, key]) => !MARKS.some((mark) => mark.key === key));
  expect(exported.length).toBeGreaterThan(15);
  expect(missing).toEqual([]);
});

test('every key of ours that a program, a manifest or a page names is in the list', () => {
  /** No keys: a version of the API, the value of a credential id, what a key is derived from, a signer that nobody is. */
  const NO_KEYS = new Set(['v1alpha1', 'token', 'fingerprint-key', 'nobody', 'ace-operator']);
  const named = projectFiles()
    .filter(([path]) => /^(src|manifests|charts|crds|docs|README)/.test(path))
    .flatMap(([, text]) =>
      [...text.matchAll(/(?<![\w.])ace-operator\.io\/([a-z][\w-]*)/g)].map(([, name = '']) => name),
    );
  const listed = new Set(MARKS.map(({ key }) => key));
  const unknown = [...new Set(named)].filter(
    (name) => !NO_KEYS.has(name) && !listed.has(`ace-operator.io/${name}`),
  );
  expect(named.length).toBeGreaterThan(30);
  expect(unknown).toEqual([]);
});

test('every variable that a page for users names is that of a flag', () => {
  const flags = [
    ...Object.values(pages)
      .join('\n')
      .matchAll(/`--([a-z-]+)[ `]/g),
  ].map(([, flag = '']) => flag);
  const known = new Set(flags.map(environmentName));
  /** They speak of the tests, which have variables of their own; ACE_KUBERNETES is make's. */
  const FOR_DEVELOPERS = /^docs\/(testing|performance|reliability)\.md$/;
  const named = projectFiles()
    .filter(([path]) => /^(docs\/[\w-]+|README)\.md$/.test(path) && !FOR_DEVELOPERS.test(path))
    .flatMap(([path, text]) => [...text.matchAll(/\bACE_[A-Z_]+\b/g)].map(([name]) => ({ path, name })));
  expect(named.filter(({ name }) => !known.has(name) && name !== 'ACE_KUBERNETES')).toEqual([]);
});
