/**
 * Where the project is published: package.json's `repository` is the one place that says it.
 *
 * usage: node hack/repository.ts          writes a changed address into every file that names the one before; `make docs` runs it
 *
 * Files that people and programs read as they are (alerts, definitions, charts, policies) hold the address in full, since nothing
 * could put it in for them. A unit test fails while one of them holds another.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { REPOSITORY } from '../src/version.ts';
import { readJson } from './packages.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** The address without the form in which npm wants it. @throws {Error} when package.json has none */
export function repository(): string {
  const { repository: named } = readJson(`${ROOT}package.json`) as { repository?: { url?: string } };
  const address = /^git\+(https:\/\/.+)\.git$/.exec(named?.url ?? '')?.[1];
  if (address === undefined) throw new Error('package.json: repository.url is not git+https://….git');
  return address;
}

/** Files of the project, with their text; what git ignores is none of it. */
export function projectFiles(): readonly (readonly [path: string, text: string])[] {
  const args = ['-C', ROOT, 'ls-files', '-z', '--cached', '--others', '--exclude-standard'];
  const { status, stdout, stderr } = spawnSync('git', args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`git ls-files failed: ${stderr}`);
  return (
    stdout
      .split('\0')
      // One that was deleted and not yet staged is listed, too.
      .filter((path) => path !== '' && statSync(`${ROOT}${path}`, { throwIfNoEntry: false })?.isFile())
      .map((path) => [path, readFileSync(`${ROOT}${path}`, 'utf8')] as const)
  );
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const address = repository();
  for (const [path, text] of projectFiles()) {
    const changed = text.replaceAll(REPOSITORY, address);
    if (changed !== text) writeFileSync(`${ROOT}${path}`, changed);
  }
}
