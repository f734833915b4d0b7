import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { type LockedPackage, lockedPackages, packageName, runtimePackages } from '../../../hack/packages.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** Given up by their authors; some came with @dot-i/k8s-operator's own client-node before `overrides` took that away. */
const ABANDONED = [
  'request',
  'har-validator',
  'har-schema',
  'aws-sign2',
  'node-domexception',
  'domexception',
  'abab',
  'inflight',
  'querystring',
  'byline',
];

/** Versions below which an advisory is known, as the registry could not be asked (docs/dependencies.md). */
const LOWEST_SAFE: Readonly<Record<string, string>> = {
  async: '3.2.2',
  'form-data': '4.0.4',
  'jsonpath-plus': '10.3.0',
  'node-fetch': '2.6.7',
  'tar-fs': '3.1.1',
  'tough-cookie': '4.1.3',
  uuid: '7.0.0',
  ws: '8.17.1',
};

/** Published by a thief in September 2025. */
const STOLEN = [
  'debug@4.4.2',
  'color@5.0.1',
  'color-convert@3.1.1',
  'color-name@2.0.1',
  'color-string@2.1.1',
];

const LICENCES = [
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'PSF-2.0',
  'Unlicense',
];

const runtime = runtimePackages(ROOT);
const nodeLock = lockedPackages(`${ROOT}/hack/node`);

function pathsOf(
  packages: [string, LockedPackage][],
  isBad: (name: string, entry: LockedPackage) => boolean,
) {
  return packages.filter(([path, entry]) => isBad(packageName(path), entry)).map(([path]) => path);
}

/** Whether a version is below another; both are three numbers. */
function isBelow(version: string, limit: string): boolean {
  return version.localeCompare(limit, 'en', { numeric: true }) < 0;
}

test('the packages that run in production are read from the lockfile, ours among them', () => {
  const { dependencies } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
  const names = runtime.map(([path]) => path);
  for (const name of Object.keys(dependencies)) expect(names).toContain(`node_modules/${name}`);
});

test('nothing abandoned or deprecated runs in production', () => {
  expect(
    pathsOf(runtime, (name, { deprecated }) => ABANDONED.includes(name) || deprecated !== undefined),
  ).toEqual([]);
});

test('nothing runs in production in a version of which an advisory is known to us', () => {
  const bad = pathsOf(runtime, (name, { version }) => {
    const lowest = LOWEST_SAFE[name];
    return STOLEN.includes(`${name}@${version}`) || (lowest !== undefined && isBelow(version, lowest));
  });
  expect(bad).toEqual([]);
});

test('nothing runs a script when it is installed for production', () => {
  expect(pathsOf(runtime, (_, { hasInstallScript }) => hasInstallScript === true)).toEqual([]);
});

test('everything has an integrity hash, but Biome’s binaries for other machines (decision 10)', () => {
  const without = pathsOf(
    [...lockedPackages(ROOT), ...nodeLock],
    (_, { integrity }) => !integrity?.startsWith('sha512-'),
  );
  const known = /^node_modules\/@biomejs\/cli-(android|darwin|win32|linux-(x64|arm64)-musl)/;
  expect(without.filter((path) => !known.test(path))).toEqual([]);
});

test('the lockfiles name no place to download from, so that everyone’s registry serves', () => {
  expect(
    pathsOf([...lockedPackages(ROOT), ...nodeLock], (_, { resolved }) => resolved !== undefined),
  ).toEqual([]);
});

test('every version is exact, also that of an override', () => {
  const exact = /^\d+\.\d+\.\d+(-[\w.]+)?$/;
  expect(pathsOf([...lockedPackages(ROOT), ...nodeLock], (_, { version }) => !exact.test(version))).toEqual(
    [],
  );
  const { overrides } = JSON.parse(readFileSync(`${ROOT}/package.json`, 'utf8'));
  expect(overrides).toEqual({
    '@dot-i/k8s-operator': { '@kubernetes/client-node': '$@kubernetes/client-node' },
  });
});

test('the licences of what runs in production ask for no more than to be kept', () => {
  expect(pathsOf(runtime, (_, { license }) => license === undefined || !LICENCES.includes(license))).toEqual(
    [],
  );
});
