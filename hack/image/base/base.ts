/** What lies below the program in an image, for each architecture: a Node and what it needs under itself. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLATFORMS, type Platform, providePlatforms } from '../../executable/platforms.ts';
import { copyrightOf, type DebianPackage, packagesHere } from './debian.ts';
import { librariesHere, librariesOfArm64 } from './libraries.ts';
import { assembleRuntime } from './runtime.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** The lowest layer of one architecture. */
export interface Base {
  readonly architecture: Platform['arch'];
  /** What is known of where it comes from, beside the lockfiles; what is in it of them is in it with their copyright files. */
  readonly packages: readonly DebianPackage[];
  /** Writes it into a directory that is not there yet. */
  fill(directory: string): void;
}

/** Node from npm over the libraries of this machine, which has to be x64. */
export function baseOfAmd64(epochS: number): Base {
  return { architecture: 'amd64', ...baseHere(nodeOf('amd64'), epochS) };
}

/** A Node of this machine's architecture over its libraries. */
export function baseHere(node: string, epochS: number): Pick<Base, 'packages' | 'fill'> {
  const libraries = librariesHere(node);
  const packages = packagesHere(libraries);
  const terms = packages.map((one) => ({ name: one.name, copyright: copyrightOf(one) }));
  return { packages, fill: (directory) => assembleRuntime(directory, { node, libraries, terms }, epochS) };
}

/**
 * Node from npm over libraries of Debian, of the versions that this machine has of its own.
 *
 * @throws {Error} when they cannot be had, saying why
 */
export function baseOfArm64(epochS: number): Base {
  const node = nodeOf('arm64');
  const unpacked = provided('libraries');
  const packages = packagesIn(unpacked);
  const libraries = librariesOfArm64(node, unpacked);
  const terms = packages.map((one) => ({ name: one.name, copyright: copyrightOf(one, unpacked) }));
  return {
    architecture: 'arm64',
    packages,
    fill: (directory) => assembleRuntime(directory, { node, libraries, terms }, epochS),
  };
}

function nodeOf(arch: Platform['arch']): string {
  const platform = PLATFORMS.find((one) => one.os === 'linux' && one.arch === arch) as Platform;
  providePlatforms([platform]);
  return join(ROOT, platform.node);
}

/**
 * The directory that provide.sh fills, or has filled before.
 *
 * @throws {Error} when it cannot; why, it has said on stderr
 */
export function provided(what: 'libraries' | 'emulator'): string {
  const { status, stdout } = spawnSync(join(import.meta.dirname, 'provide.sh'), [what], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`no ${what} for arm64 can be had; the line above says why`);
  return stdout.trim();
}

function packagesIn(directory: string): readonly DebianPackage[] {
  const lines = readFileSync(join(directory, 'packages'), 'utf8').trim().split('\n');
  return lines.map((line) => {
    const [name = '', version = '', architecture = '', sha256 = ''] = line.split(' ');
    return { name, version, architecture, sha256 };
  });
}
