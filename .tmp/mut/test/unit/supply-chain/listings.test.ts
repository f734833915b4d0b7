import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { licencesPage } from '../../../hack/licences.ts';
import { sbom } from '../../../hack/sbom.ts';
import { REPOSITORY } from '../../../src/version.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

test('the list of licences is current; if not: make licences', () => {
  expect(readFileSync(`${ROOT}/docs/licences.md`, 'utf8')).toBe(licencesPage());
});

describe('the bill of materials', () => {
  const bill = sbom();

  test('lists what we depend on and Node, with hashes for what came from npm', () => {
    const { dependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
    const purls = bill.components.map(({ purl }) => decodeURIComponent(purl));
    for (const [name, version] of Object.entries(dependencies)) {
      expect(purls).toContain(`pkg:npm/${name}@${version}`);
    }
    expect(purls).toContainEqual(expect.stringMatching(/^pkg:generic\/node@24\./));
    const withoutHash = bill.components.filter((component) => component['hashes'] === undefined);
    expect(withoutHash.map(({ name }) => name)).toEqual(['node']);
  });

  test('lists nothing that only development needs', () => {
    const { devDependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
    const names = bill.components.map(({ name }) => name);
    for (const name of ['typescript', 'vitest', '@biomejs/biome', 'fast-check']) {
      expect(devDependencies).toHaveProperty([name]);
      expect(names).not.toContain(name);
    }
  });

  test('names no host but the one of its format, and our own address', () => {
    const hosts = [
      ...JSON.stringify(bill)
        .replaceAll(REPOSITORY, '')
        .matchAll(/https?:\/\/([^/"]+)/g),
    ].map(([, host]) => host);
    expect(new Set(hosts)).toEqual(new Set(['cyclonedx.org']));
  });

  test('is the same when it is written again', () => {
    expect(sbom()).toEqual(bill);
  });
});
