import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { unpackTar } from 'modern-tar';
import { describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { CHARTS } from '../../../hack/charts.ts';
import { PLATFORMS } from '../../../hack/executable/platforms.ts';
import { nodeVersion, readJson } from '../../../hack/packages.ts';
import { tarGz } from '../../../hack/release/archive.ts';
import { packedCharts } from '../../../hack/release/charts.ts';
import { krewManifest } from '../../../hack/release/krew.ts';
import { releaseManifests } from '../../../hack/release/manifests.ts';
import { notesOf } from '../../../hack/release/notes.ts';
import { provenance } from '../../../hack/release/provenance.ts';
import { REPOSITORY, VERSION } from '../../../src/version.ts';

const ROOT = new URL('../../../', import.meta.url);
const EPOCH_S = 1_790_000_000;

describe('an archive', () => {
  const files = [
    { path: 'a/program', content: Buffer.from('one'), isProgram: true },
    { path: 'a/text', content: Buffer.from('two') },
  ];

  test('is the same bytes each time, and names neither machine nor builder', async () => {
    const [first, second] = await Promise.all([tarGz(files, EPOCH_S), tarGz(files, EPOCH_S)]);
    expect(first.equals(second)).toBe(true);
    // The time of gzip's header, and the system that it names: none, and unknown.
    expect(first.readUInt32LE(4)).toBe(0);
    expect(first[9]).toBe(255);
  });

  test('keeps the order, and makes programs executable', async () => {
    const entries = await unpackTar(gunzipSync(await tarGz(files, EPOCH_S)));
    expect(
      entries.map(({ header }) => [header.name, header.mode, header.mtime?.getTime(), header.uid]),
    ).toEqual([
      ['a/program', 0o755, EPOCH_S * 1000, 0],
      ['a/text', 0o644, EPOCH_S * 1000, 0],
    ]);
  });
});

test.each(CHARTS)('%s is packed as Helm wants it', async (chart) => {
  const packed = (await packedCharts(VERSION, EPOCH_S))[`${chart}-${VERSION}.tgz`];
  const entries = await unpackTar(gunzipSync(packed ?? Buffer.alloc(0)));
  const names = entries.map(({ header }) => header.name);
  for (const name of names) expect(name.startsWith(`${chart}/`)).toBe(true);
  for (const name of ['Chart.yaml', 'values.yaml', 'values.schema.json'])
    expect(names).toContain(`${chart}/${name}`);
});

describe('the files for kubectl', () => {
  const files = releaseManifests('registry.example/ace-operator:1.2.3');

  test('are all brought over where there is no internet', () => {
    const page = readFileSync(new URL('docs/air-gap.md', ROOT), 'utf8');
    for (const name of Object.keys(files)) expect(page).toContain(`\`${name}\``);
  });
  const objectsOf = (name: string) =>
    parseAllDocuments(files[name] ?? '').map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    });

  test('are four', () => {
    expect(Object.keys(files)).toEqual([
      'install.yaml',
      'crds.yaml',
      'downstream.yaml',
      'authenticator.yaml',
    ]);
  });

  test.each(Object.keys(files))('%s is of whole objects, each once', (name) => {
    const ids = objectsOf(name).map(({ kind, metadata }) => `${kind} ${metadata.namespace}/${metadata.name}`);
    expect(ids.length).toBeGreaterThan(1);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test.each(['install.yaml', 'authenticator.yaml'])(
    '%s names the image that was given, and no other',
    (name) => {
      const images = [...(files[name] ?? '').matchAll(/^\s*image: (.+)$/gm)].map(([, image]) => image);
      expect(new Set(images)).toEqual(new Set(['registry.example/ace-operator:1.2.3']));
    },
  );

  test('install.yaml has our definition and none of those that are Rancher’s', () => {
    const definitions = objectsOf('install.yaml').filter(({ kind }) => kind === 'CustomResourceDefinition');
    expect(definitions.map(({ metadata }) => metadata.name)).toEqual(['clusterpropagations.ace-operator.io']);
    for (const { spec } of objectsOf('crds.yaml')) expect(spec.group).toBe('management.cattle.io');
  });
});

test('krew is told where each archive is, and what is in it', () => {
  const archives = PLATFORMS.map((platform, index) => ({
    platform,
    archive: `kubectl-ace_${platform.os}_${platform.arch}.tar.gz`,
    sha256: String(index).repeat(64),
  }));
  const { spec, metadata } = parse(krewManifest('1.2.3', archives));
  expect([metadata.name, spec.version, spec.homepage]).toEqual(['ace', 'v1.2.3', REPOSITORY]);
  expect(spec.shortDescription.length).toBeLessThan(51);
  expect(
    spec.platforms.map(({ uri, sha256, bin }: Record<string, string>) => [uri, sha256?.[0], bin]),
  ).toEqual([
    [`${REPOSITORY}/releases/download/v1.2.3/kubectl-ace_linux_amd64.tar.gz`, '0', 'kubectl-ace'],
    [`${REPOSITORY}/releases/download/v1.2.3/kubectl-ace_linux_arm64.tar.gz`, '1', 'kubectl-ace'],
    [`${REPOSITORY}/releases/download/v1.2.3/kubectl-ace_windows_amd64.tar.gz`, '2', 'kubectl-ace.exe'],
  ]);
});

describe('the notes', () => {
  test('are what the changelog says of the version', () => {
    const changelog = '# Changelog\n\n## 1.2.10 (2026-01-02)\n\n- ten\n\n## 1.2.1 (2026-01-01)\n\n- one\n';
    expect(notesOf('1.2.1', changelog)).toBe('- one\n');
    expect(notesOf('1.2.10', changelog)).toBe('- ten\n');
    expect(() => notesOf('1.2', changelog)).toThrow('CHANGELOG.md says nothing of 1.2');
  });

  test('are there for the version that this is', () => {
    expect(notesOf(VERSION, readFileSync(new URL('CHANGELOG.md', ROOT), 'utf8')).length).toBeGreaterThan(100);
  });
});

test('the provenance names each file and each package by its digest', () => {
  const files = { 'install.yaml': 'a'.repeat(64) };
  const debian = [
    // Of what is installed here nobody knows a sum.
    { name: 'libc6', version: '2.36-9', architecture: 'amd64' },
    { name: 'libstdc++6', version: '12.2.0-14+deb12u1', architecture: 'arm64', sha256: 'c'.repeat(64) },
  ];
  const revision = 'b'.repeat(40);
  const statement = JSON.parse(
    JSON.stringify(provenance({ version: '1.2.3', revision, epochS: EPOCH_S, image: 'i:1', debian, files })),
  );
  expect(statement).toMatchObject({
    _type: 'https://in-toto.io/Statement/v1',
    predicateType: 'https://slsa.dev/provenance/v1',
    subject: [{ name: 'install.yaml', digest: { sha256: files['install.yaml'] } }],
  });
  const { resolvedDependencies, externalParameters } = statement.predicate.buildDefinition;
  expect(externalParameters).toEqual({ version: '1.2.3', image: 'i:1', sourceDateEpoch: EPOCH_S });
  expect(resolvedDependencies.pop()).toEqual({
    uri: 'pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=arm64',
    digest: { sha256: 'c'.repeat(64) },
  });
  expect(resolvedDependencies.pop()).toEqual({ uri: 'pkg:deb/debian/libc6@2.36-9?arch=amd64' });
  const [source, ...packages] = resolvedDependencies;
  expect(source).toEqual({ uri: `git+${REPOSITORY}`, digest: { gitCommit: 'b'.repeat(40) } });
  expect(packages.length).toBeGreaterThan(100);
  for (const { uri, digest } of packages) {
    expect(uri).toMatch(/^pkg:npm\/.+@.+$/);
    expect(digest.sha512).toMatch(/^[0-9a-f]{128}$/);
  }
});

test('executables are made of the Node that everything else runs on', () => {
  const { dependencies } = readJson(new URL('hack/executable/platforms/package.json', ROOT).pathname);
  for (const version of Object.values(dependencies as Record<string, string>))
    expect(version).toBe(nodeVersion(ROOT.pathname));
});
