/** What of Debian is in the image, and on which terms. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import type { Library } from './libraries.ts';

/** A package of Debian of which something is in the image. */
export interface DebianPackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** SHA-256 of its file, which apt has checked; undefined of one that is installed here, for dpkg keeps no sum of that. */
  readonly sha256?: string;
}

/** The terms in words of SPDX, of what is taken out of these packages; the whole text goes with them. */
const LICENCES: Readonly<Record<string, string>> = {
  libc6: 'LGPL-2.1-or-later',
  'libgcc-s1': 'GPL-3.0-or-later WITH GCC-exception-3.1',
  'libstdc++6': 'GPL-3.0-or-later WITH GCC-exception-3.1',
};

/** Undefined: nobody has looked at its terms; see its copyright file. */
export const licenceOf = ({ name }: DebianPackage): string | undefined => LICENCES[name];

/** A package URL. In one `+` would be read as a space by some, and Debian's versions and names have it. */
export const packageUrl = ({ name, version, architecture }: DebianPackage): string =>
  `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`;

/** Where Debian keeps the copyright of a package, here as in the image. */
export const copyrightPath = (name: string): string => `/usr/share/doc/${name}/copyright`;

/**
 * The packages of this machine from which libraries are, each once, by name; none where it is not Debian.
 *
 * @throws {Error} when one is of no package, so that nobody knows on which terms it is passed on
 */
export function packagesHere(libraries: readonly Library[]): readonly DebianPackage[] {
  if (spawnSync('dpkg-query', ['--version']).error) {
    console.warn(
      'this is no Debian: the image is made without the terms of the libraries that it takes from here',
    );
    return [];
  }
  const names = new Set(libraries.map(({ source }) => ownerOf(source)));
  return [...names].sort().map((owner) => {
    const [name = '', version = '', architecture = ''] = query(
      '-W',
      '-f',
      fields('Package', 'Version', 'Architecture'),
      owner,
    ).split(' ');
    return { name, version, architecture };
  });
}

/** Where /lib is /usr/lib, dpkg knows a file by the one of the two names that its package has. */
function ownerOf(path: string): string {
  const other = path.startsWith('/usr/') ? path.slice('/usr'.length) : `/usr${path}`;
  const [owner] = [path, other]
    .flatMap((name) => query('-S', name).split(': ', 1))
    .filter((name) => name !== '');
  if (owner === undefined)
    throw new Error(`${path} is of no package of Debian: on which terms may it be passed on?`);
  return owner;
}

/** A format as dpkg-query wants it. */
const fields = (...names: readonly string[]): string => names.map((name) => `\${${name}}`).join(' ');

function query(...args: readonly string[]): string {
  const { stdout } = spawnSync('dpkg-query', args, {
    encoding: 'utf8',
    env: { LC_ALL: 'C', PATH: process.env['PATH'] },
  });
  return stdout.trim();
}

/**
 * The copyright file of a package. Of one for another architecture it is the same in each, where the versions are; a package for
 * another architecture may have it as a link to one that was not taken.
 *
 * @param unpacked - where packages were unpacked; undefined: they are installed here
 * @throws {Error} when there is none
 */
export function copyrightOf({ name, version }: DebianPackage, unpacked = ''): Buffer {
  const file = copyrightPath(name);
  if (existsSync(unpacked + file)) return readFileSync(unpacked + file);
  const isSame = query('-W', '-f', `${fields('Version')}\n`, name)
    .split('\n')
    .includes(version);
  if (!isSame || !existsSync(file))
    throw new Error(`${file} of ${name} ${version} is not here: install that package`);
  return readFileSync(file);
}
