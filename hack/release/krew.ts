import { stringify } from 'yaml';
import { fileName } from '../executable/executable.ts';
import type { Platform } from '../executable/platforms.ts';
import { repository } from '../repository.ts';

export interface PlatformArchive {
  readonly platform: Platform;
  /** Name of the file. */
  readonly archive: string;
  readonly sha256: string;
}

/** The manifest by which krew, kubectl's manager of plugins, installs `kubectl ace`. */
export function krewManifest(version: string, archives: readonly PlatformArchive[]): string {
  const address = repository();
  return stringify(
    {
      apiVersion: 'krew.googlecontainertools.github.com/v1alpha2',
      kind: 'Plugin',
      metadata: { name: 'ace' },
      spec: {
        version: `v${version}`,
        homepage: address,
        shortDescription: 'Say why a Rancher token is refused by a cluster',
        description:
          'Follows a token hop by hop from the management plane to the API server of a downstream cluster that is reached directly\n' +
          '(Authorized Cluster Endpoint), and names the first hop that is broken, with what to do about it. Reads only, unless it\n' +
          'is asked to issue or revoke.\n',
        caveats: 'Begin with: kubectl ace explain TOKEN-NAME\n',
        platforms: archives.map(({ platform, archive, sha256 }) => ({
          selector: { matchLabels: { os: platform.os, arch: platform.arch } },
          uri: `${address}/releases/download/v${version}/${archive}`,
          sha256,
          bin: fileName(platform),
          files: [
            { from: fileName(platform), to: '.' },
            { from: 'LICENSE', to: '.' },
          ],
        })),
      },
    },
    { lineWidth: 0 },
  );
}
