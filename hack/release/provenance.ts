/**
 * Of what a release was made, as an in-toto statement with SLSA's predicate. It is not signed: it says what the build knows of
 * itself, and whoever builds anew can compare. The workflow of a release signs one of its own.
 */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DebianPackage, packageUrl } from '../image/base/debian.ts';
import { lockedPackages, packageName } from '../packages.ts';
import { repository } from '../repository.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const LOCKFILES = ['.', 'hack/node', 'hack/executable/platforms'];

export interface Built {
  readonly version: string;
  /** Of the commit; `unknown` outside of git. */
  readonly revision: string;
  readonly epochS: number;
  readonly image: string;
  /** Those of which something is in the image. */
  readonly debian: readonly DebianPackage[];
  /** SHA-256 by file name. */
  readonly files: Readonly<Record<string, string>>;
}

/** @see https://slsa.dev/spec/v1.0/provenance */
export function provenance({ version, revision, epochS, image, debian, files }: Built): object {
  const address = repository();
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: Object.entries(files).map(([name, sha256]) => ({ name, digest: { sha256 } })),
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: `${address}/blob/main/docs/release.md#how-it-is-built`,
        externalParameters: { version, image, sourceDateEpoch: epochS },
        internalParameters: { node: process.version },
        resolvedDependencies: [
          { uri: `git+${address}`, digest: { gitCommit: revision } },
          ...LOCKFILES.flatMap(packagesOf),
          ...debian.map(debianPackage),
        ],
      },
      runDetails: { builder: { id: `${address}/blob/main/Makefile` } },
    },
  };
}

function packagesOf(directory: string): readonly object[] {
  // What comes within another package has no digest of its own; that package's covers it.
  const packages = lockedPackages(join(ROOT, directory)).filter(
    ([, { integrity }]) => integrity !== undefined,
  );
  return packages.map(([path, { version, integrity = '' }]) => ({
    uri: `pkg:npm/${packageName(path).replace('@', '%40')}@${version}`,
    digest: { sha512: Buffer.from(integrity.replace('sha512-', ''), 'base64').toString('hex') },
  }));
}

const debianPackage = (one: DebianPackage): object => ({
  uri: packageUrl(one),
  ...(one.sha256 === undefined ? {} : { digest: { sha256: one.sha256 } }),
});
