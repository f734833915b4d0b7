/**
 * Puts together what the image holds of ours: the compiled program, the packages it needs at run time, the definitions.
 *
 * usage: node hack/image/assemble.ts OUT [NODE_MODULES]
 *
 * The program is compiled anew: a `dist/` that lies about may hold files whose sources are gone. Packages are taken by the
 * lockfile and checked against it. Modes and times are set, so that the same sources give the same bytes.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { isTypesOnly, legalFile, readJson, runtimePackages } from '../packages.ts';
import { normalise } from './normalise.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Declarations, maps, documents, native code, scripts: nothing that Node loads here. */
const NOT_FOR_RUN_TIME =
  /(\.(d\.[cm]?ts|[cm]?ts|tsx|map|md|markdown|html|flow|tsbuildinfo|cc?|cpp|h|gypi?|cmake|node|bare|sh)|^\.[^/]*)$/i;
/** Where packages keep what only their authors run. */
const NOT_THE_LIBRARY = /^(tests?|examples?|bench(mark)?s?)$/;

/**
 * @param out - a directory that does not exist yet
 * @param nodeModules - where the packages are installed
 * @param epochS - the time that all files bear, in seconds since 1970
 * @throws {Error} when the program does not compile, or the installed packages are not those of the lockfile
 */
export function assemble(out: string, nodeModules: string, epochS: number): void {
  mkdirSync(out, { recursive: true });
  compile(join(out, 'dist'));
  copyPackages(out, nodeModules);
  cpSync(join(ROOT, 'crds'), join(out, 'crds'), { recursive: true });
  cpSync(join(ROOT, 'LICENSE'), join(out, 'LICENSE'));
  cpSync(join(ROOT, 'docs', 'licences.md'), join(out, 'licences.md'));
  writeFileSync(join(out, 'package.json'), `${JSON.stringify(ownPackage(), null, 2)}\n`);
  normalise(out, epochS);
}

function compile(dist: string): void {
  const compiler = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
  const options = ['--project', join(ROOT, 'tsconfig.build.json'), '--outDir', dist, '--sourceMap', 'false'];
  const { status } = spawnSync(process.execPath, [compiler, ...options], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the program does not compile');
}

function copyPackages(out: string, nodeModules: string): void {
  for (const [path, { version }] of runtimePackages(ROOT)) {
    if (isTypesOnly(path)) continue;
    const source = join(nodeModules, path.slice('node_modules/'.length));
    const installed = readJson(join(source, 'package.json'))['version'];
    if (installed !== version) throw new Error(`${path} is ${installed}, not ${version}: run npm ci`);
    cpSync(source, join(out, path), { recursive: true, filter: (file) => isNeeded(relative(source, file)) });
    const legal = legalFile(source);
    if (legal !== undefined) cpSync(join(source, legal), join(out, path, legal));
  }
}

/** @param file - relative to its package. A package within a package has an entry of its own in the lockfile. */
function isNeeded(file: string): boolean {
  const name = basename(file);
  return name !== 'node_modules' && !NOT_FOR_RUN_TIME.test(name) && !NOT_THE_LIBRARY.test(file);
}

/** Node reads `type`, people and scanners the rest. */
function ownPackage(): Record<string, unknown> {
  const { name, version, description, license, type } = readJson(join(ROOT, 'package.json'));
  return { name, version, description, license, type };
}

/** The time that files of a reproducible build bear: SOURCE_DATE_EPOCH, else the last commit's, else 1970. */
export function sourceDateEpoch(): number {
  const given = process.env['SOURCE_DATE_EPOCH'] ?? lastCommit();
  const seconds = Number(given);
  if (!Number.isSafeInteger(seconds) || seconds < 0)
    throw new Error(`SOURCE_DATE_EPOCH is not a number: ${given}`);
  return seconds;
}

function lastCommit(): string {
  const { status, stdout } = spawnSync('git', ['-C', ROOT, 'log', '-1', '--format=%ct'], {
    encoding: 'utf8',
  });
  return status === 0 ? stdout.trim() : '0';
}

if (import.meta.filename === process.argv[1]) {
  const [out, nodeModules = join(ROOT, 'node_modules')] = process.argv.slice(2);
  if (out === undefined) throw new Error('usage: assemble.ts OUT [NODE_MODULES]');
  assemble(out, nodeModules, sourceDateEpoch());
}
