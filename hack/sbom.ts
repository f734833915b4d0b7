/**
 * Writes a CycloneDX bill of materials of what the image holds: npm's own, with Node added, and in a release the libraries of Debian.
 *
 * usage: node hack/sbom.ts OUT.json
 *
 * npm 11.19 loses packages: with `--omit=dev` those that something of development names, too (npm/cli#7909), and always
 * those that it meets only through a circle of dependencies (bare-fs, bare-stream). So it is given a lockfile that knows no development
 * and in which the project names every package; its answer is then checked and the project's own list put right. Time and
 * serial number follow from the content.
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { sourceDateEpoch } from './image/assemble.ts';
import { type DebianPackage, licenceOf, packageUrl } from './image/base/debian.ts';
import { nodeVersion, packageName, readJson, runtimePackages } from './packages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

interface Component {
  readonly name: string;
  readonly version: string;
  readonly purl: string;
}

export interface Sbom {
  serialNumber: string;
  readonly metadata: { timestamp: string; component: { 'bom-ref': string; name: string } };
  readonly components: (Component & Record<string, unknown>)[];
  readonly dependencies: { ref: string; dependsOn: string[] }[];
}

/**
 * @param debian - packages from which something is in the image, too; without them that is left to whoever knows the base image
 * @throws {Error} when npm fails, or lists other packages than the lockfile has for run time
 */
export function sbom(debian: readonly DebianPackage[] = []): Sbom {
  const stage = mkdtempSync(join(tmpdir(), 'ace-sbom-'));
  try {
    const bill = npmSbom(stage);
    mustBeComplete(bill);
    nameOwnDependencies(bill);
    bill.components.push(nodeItself(), ...debian.map(ofDebian));
    bill.metadata.timestamp = new Date(sourceDateEpoch() * 1000).toISOString();
    bill.metadata.component.name = 'ace-operator';
    bill.serialNumber = serialNumber(bill);
    return bill;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

function npmSbom(stage: string): Sbom {
  const { devDependencies: _, ...own } = readJson(join(ROOT, 'package.json'));
  const entries = runtimePackages(ROOT);
  const outermost = entries.filter(([path]) => path === `node_modules/${packageName(path)}`);
  const dependencies = Object.fromEntries(
    outermost.map(([path, { version }]) => [packageName(path), version]),
  );
  const project = { ...own, dependencies };
  const lock = readJson(join(ROOT, 'package-lock.json'));
  const packages = { '': project, ...Object.fromEntries(entries) };
  writeFileSync(join(stage, 'package.json'), JSON.stringify(project));
  writeFileSync(join(stage, 'package-lock.json'), JSON.stringify({ ...lock, packages }));
  const options = ['--sbom-format=cyclonedx', '--sbom-type=application', '--package-lock-only'];
  const { status, stdout, stderr } = spawnSync('npm', ['sbom', ...options], { cwd: stage, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm sbom failed: ${stderr}`);
  return JSON.parse(stdout) as Sbom;
}

function mustBeComplete(bill: Sbom): void {
  const listed = new Set(bill.components.map(({ name, version }) => `${name}@${version}`));
  const missing = runtimePackages(ROOT)
    .map(([path, { version }]) => `${packageName(path)}@${version}`)
    .filter((name) => !listed.delete(name));
  if (missing.length > 0 || listed.size > 0)
    throw new Error(`npm sbom and the lockfile differ: missing ${missing}, foreign ${[...listed]}`);
}

function nameOwnDependencies(bill: Sbom): void {
  const { dependencies } = readJson(join(ROOT, 'package.json')) as { dependencies: Record<string, string> };
  const own = bill.dependencies.find(({ ref }) => ref === bill.metadata.component['bom-ref']);
  if (own === undefined) throw new Error('npm sbom does not say what the project depends on');
  own.dependsOn = Object.entries(dependencies).map(([name, version]) => `${name}@${version}`);
}

function nodeItself(): Component & Record<string, unknown> {
  const version = nodeVersion(ROOT);
  const purl = `pkg:generic/node@${version}`;
  const licenses = [{ license: { id: 'MIT' } }];
  return { 'bom-ref': purl, type: 'platform', name: 'node', version, scope: 'required', purl, licenses };
}

function ofDebian(one: DebianPackage): Component & Record<string, unknown> {
  const { name, version, sha256 } = one;
  const [purl, expression] = [packageUrl(one), licenceOf(one)];
  return {
    ...{ 'bom-ref': purl, type: 'library', name, version, scope: 'required', purl },
    ...(expression === undefined ? {} : { licenses: [{ expression }] }),
    ...(sha256 === undefined ? {} : { hashes: [{ alg: 'SHA-256', content: sha256 }] }),
  };
}

/** A UUID (version 8) of the content, so that the same content has the same one. */
function serialNumber(bill: Sbom): string {
  const content = JSON.stringify({ ...bill, serialNumber: '' });
  const digest = createHash('sha256').update(content).digest('hex');
  const [, a, b, c, d, e] = /^(.{8})(.{4})(.{3})(.{3})(.{12})/.exec(digest) ?? [];
  return `urn:uuid:${a}-${b}-8${c}-8${d}-${e}`;
}

if (import.meta.filename === process.argv[1]) {
  const out = process.argv[2];
  if (out === undefined) throw new Error('usage: sbom.ts OUT.json');
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(sbom(), null, 2)}\n`);
}
