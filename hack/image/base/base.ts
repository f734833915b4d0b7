/** What lies below the program in an image, for each architecture: a Node and what it needs under itself. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PLATFORMS, type Platform, providePlatforms } from '../../executable/platforms.ts';
import { librariesHere, librariesOfArm64 } from './libraries.ts';
import { assembleRuntime } from './runtime.ts';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

/** A package of Debian of which something is in the image. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** SHA-256 of its file, which apt has checked. */
  readonly sha256: string;
}

/** The lowest layer of one architecture. */
export interface Base {
  readonly architecture: Platform['arch'];
  /** What is known of where it comes from, beside the lockfiles. */
  readonly packages: readonly DebianPackage[];
  /** Writes it into a directory that is not there yet. */
  fill(directory: string): void;
}

/** Node from npm over the libraries of this machine, which has to be x64. */
export function baseOfAmd64(epochS: number): Base {
  const node = nodeOf('amd64');
  return {
    architecture: 'amd64',
    packages: [],
    fill: (directory) => assembleRuntime(directory, node, librariesHere(node), epochS),
  };
}

/**
 * Node from npm over libraries of Debian, of the versions that this machine has of its own.
 *
 * @throws {Error} when they cannot be had, saying why
 */
export function baseOfArm64(epochS: number): Base {
  const node = nodeOf('arm64');
  const libraries = provided('libraries');
  return {
    architecture: 'arm64',
    packages: packagesIn(libraries),
    fill: (directory) => assembleRuntime(directory, node, librariesOfArm64(node, libraries), epochS),
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
