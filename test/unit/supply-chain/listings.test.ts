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

  test('of a release lists the libraries of Debian, too, on their terms, by what is known of them', () => {
    const debian = [
      { name: 'libc6', version: '2.36-9+deb12u10', architecture: 'amd64' },
      { name: 'libstdc++6', version: '12.2.0-14+deb12u1', architecture: 'arm64', sha256: 'c'.repeat(64) },
      { name: 'libnew1', version: '1', architecture: 'amd64' },
    ];
    const whole = sbom(debian);
    expect(whole.components.slice(bill.components.length)).toEqual([
      {
        ...{ type: 'library', name: 'libc6', version: '2.36-9+deb12u10', scope: 'required' },
        purl: 'pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64',
        'bom-ref': 'pkg:deb/debian/libc6@2.36-9%2Bdeb12u10?arch=amd64',
        licenses: [{ expression: 'LGPL-2.1-or-later' }],
      },
      {
        ...{ type: 'library', name: 'libstdc++6', version: '12.2.0-14+deb12u1', scope: 'required' },
        purl: 'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=arm64',
        'bom-ref': 'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=arm64',
        licenses: [{ expression: 'GPL-3.0-or-later WITH GCC-exception-3.1' }],
        hashes: [{ alg: 'SHA-256', content: 'c'.repeat(64) }],
      },
      // On which terms, nobody has looked: nothing is claimed.
      expect.not.objectContaining({ licenses: expect.anything() }),
    ]);
    expect(whole.serialNumber).not.toBe(bill.serialNumber);
    expect(sbom(debian)).toEqual(whole);
  });

  test('is the same when it is written again', () => {
    expect(sbom()).toEqual(bill);
  });
});
