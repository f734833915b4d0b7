import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { neededBy } from './elf.ts';

export interface Library {
  readonly source: string;
  /** Where the image has it, from its root. */
  readonly target: string;
}

/**
 * The shared libraries of a program of this machine, at the paths where its dynamic linker finds them, itself included.
 *
 * @throws {Error} when one is missing
 */
export function librariesHere(program: string): readonly Library[] {
  const { status, stdout } = spawnSync('ldd', [program], {
    encoding: 'utf8',
    env: { LC_ALL: 'C', PATH: process.env['PATH'] },
  });
  if (status !== 0) throw new Error(`ldd cannot read ${program}`);
  if (stdout.includes('not found')) throw new Error(`a library of ${program} is missing here:\n${stdout}`);
  const paths = [...stdout.matchAll(/(?:^|\s)(\/\S+) \(0x/gm)].map(([, path]) => path as string);
  return paths.map((path) => ({ source: path, target: path }));
}

/** As Debian calls arm64 in paths. */
const TRIPLET = 'aarch64-linux-gnu';
/** The dynamic linker is not in the directory of the others: programs name it by its whole path. */
const LINKER = 'ld-linux-aarch64.so.1';

/**
 * The shared libraries of a program for arm64, which cannot be asked on this machine: what it names is looked for, and what
 * that names.
 *
 * @param packages - a directory with unpacked packages of Debian
 * @throws {Error} when one is not in them, or something is not for arm64
 */
export function librariesOfArm64(program: string, packages: string): readonly Library[] {
  const found = new Map<string, string>();
  const files = [program];
  for (const file of files) {
    for (const name of neededBy(readFileSync(file), file, 'arm64')) {
      if (found.has(name)) continue;
      const source = ['lib', 'usr/lib']
        .map((directory) => join(packages, directory, TRIPLET, name))
        .find(existsSync);
      if (source === undefined) throw new Error(`${file} needs ${name}, which is not in ${packages}`);
      found.set(name, source);
      files.push(source);
    }
  }
  return [...found].map(([name, source]) => ({
    source,
    target: name === LINKER ? `/lib/${name}` : `/lib/${TRIPLET}/${name}`,
  }));
}
