/** Run by vitest once, before the first file of the suite: builds the images that its clusters are given. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TestProject } from 'vitest/node';
import { chosenProvider } from './start-cluster.ts';

export interface Images {
  readonly current: BuiltImage;
  readonly previous: BuiltImage;
}

export interface BuiltImage {
  /** An image of a name that no registry has. */
  readonly name: string;
  readonly archive: string;
  /** The checkout that it was built from, with the manifests and definitions of that time. */
  readonly checkout: string;
  /** For people: which version that is. */
  readonly revision: string;
}

declare module 'vitest' {
  export interface ProvidedContext {
    images: Images;
  }
}

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const WORK = join(ROOT, '.work', 'e2e');
/** So far back we look for a version to upgrade from, where there is no tag yet. */
const HISTORY = 20;
const BUILD = 'hack/image/build-offline.sh';

export function setup(project: TestProject): void {
  rmSync(WORK, { recursive: true, force: true });
  mkdirSync(WORK, { recursive: true });
  project.provide('images', {
    current: build(ROOT, 'e2e', 'this checkout'),
    previous: buildPrevious(),
  });
}

export function teardown(): void {
  rmSync(WORK, { recursive: true, force: true });
}

function build(checkout: string, tag: string, revision: string): BuiltImage {
  const name = `ace-operator:${tag}`;
  const archive = join(WORK, `${tag}.tar`);
  if (chosenProvider() === 'kind') {
    // Where docker is, the image is the one that people run.
    const env = { ...process.env, IMAGE: 'ace-operator', TAG: tag, OUTPUT: `type=docker,dest=${archive}` };
    execFileSync(join(checkout, 'hack/image/build.sh'), { env, stdio: ['ignore', 'ignore', 'inherit'] });
  } else {
    execFileSync(join(checkout, BUILD), [archive, name], { stdio: ['ignore', 'ignore', 'inherit'] });
  }
  return { name, archive, checkout, revision };
}

/** The version before this one, with its own manifests; without history the same version under another name. */
function buildPrevious(): BuiltImage {
  const revision = previousRevision();
  if (revision === undefined) return build(ROOT, 'e2e-previous', 'this checkout, for there is no history');
  const checkout = join(WORK, 'previous');
  git(ROOT, 'clone', '--quiet', '--shared', '--no-checkout', ROOT, checkout);
  git(checkout, '-c', 'advice.detachedHead=false', 'checkout', '--quiet', revision);
  if (chosenProvider() === 'local-node')
    for (const directory of ['.', 'hack/node']) shareInstalledPackages(checkout, directory);
  return build(
    checkout,
    'e2e-previous',
    git(checkout, 'describe', '--tags', '--always', '--first-parent').trim(),
  );
}

/**
 * ACE_E2E_PREVIOUS, else the last tag before this commit, else the oldest of the last commits on the main line from which an
 * image can be built without a registry.
 */
function previousRevision(): string | undefined {
  const given = process.env['ACE_E2E_PREVIOUS'];
  if (given !== undefined && given !== '') return given;
  try {
    const tags = git(ROOT, 'tag', '--merged', 'HEAD~1', '--list', 'v*', '--sort=-version:refname');
    const [tag] = lines(tags);
    if (tag !== undefined) return tag;
    const commits = lines(git(ROOT, 'rev-list', '--first-parent', `--max-count=${HISTORY}`, 'HEAD~1'));
    return commits.reverse().find((commit) => git(ROOT, 'ls-tree', '--name-only', commit, BUILD) !== '');
  } catch {
    return undefined; // one commit only, or none
  }
}

/** Where the packages are the same. Otherwise the build installs those of its time, as the one in docker always does. */
function shareInstalledPackages(checkout: string, directory: string): void {
  const lockfile = (root: string) => readFileSync(join(root, directory, 'package-lock.json'), 'utf8');
  const installed = join(ROOT, directory, 'node_modules');
  if (existsSync(installed) && lockfile(checkout) === lockfile(ROOT))
    symlinkSync(installed, join(checkout, directory, 'node_modules'));
}

function git(directory: string, ...args: readonly string[]): string {
  const stdio: ['ignore', 'pipe', 'ignore'] = ['ignore', 'pipe', 'ignore'];
  return execFileSync('git', ['-C', directory, ...args], { encoding: 'utf8', stdio });
}

function lines(text: string): string[] {
  return text.split('\n').filter((line) => line !== '');
}
