import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { VERSION } from '../../src/version.ts';

const manifest = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8'));

test('tests run on a Node that the package supports: an older one loads none of its libraries', () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  expect(manifest.engines.node).toBe('>=22.19');
  expect(major > 22 || (major === 22 && minor >= 19)).toBe(true);
});

test('the version that the program shows is the package’s', () => {
  expect(VERSION).toBe(manifest.version);
});

test('every version of a dependency is exact', () => {
  const versions = Object.values<string>({ ...manifest.dependencies, ...manifest.devDependencies });
  for (const version of versions) expect(version).toMatch(/^\d+\.\d+\.\d+(-alpha\.\d+)?$/);
});
