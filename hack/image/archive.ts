/** Writes a docker-archive: layers, a configuration and a manifest in one tar, each named by its SHA-256. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { normalise } from './normalise.ts';

export interface ImageConfig {
  readonly architecture: string;
  readonly entrypoint: readonly string[];
  readonly user: string;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * @param layers - directories, the lowest layer first; each is the root of what it adds
 * @param workDirectory - an empty directory for what goes into the tar
 * @returns the image's id, `sha256:…`
 * @throws {Error} when tar fails
 */
export function writeArchive(
  target: { readonly file: string; readonly name: string },
  layers: readonly string[],
  config: ImageConfig,
  workDirectory: string,
  epochS: number,
): string {
  const tars = layers.map((directory, index) => {
    const tar = `layer-${index}.tar`;
    createTar(join(workDirectory, tar), directory, ['.'], epochS);
    return tar;
  });
  const digests = tars.map((tar) => sha256(join(workDirectory, tar)));
  const text = JSON.stringify(imageConfig(config, digests, epochS));
  const id = createHash('sha256').update(text).digest('hex');
  writeFileSync(join(workDirectory, `${id}.json`), text);
  const manifest = [{ Config: `${id}.json`, RepoTags: [target.name], Layers: tars }];
  writeFileSync(join(workDirectory, 'manifest.json'), JSON.stringify(manifest));
  normalise(workDirectory, epochS);
  createTar(target.file, workDirectory, ['manifest.json', `${id}.json`, ...tars], epochS);
  for (const tar of tars) rmSync(join(workDirectory, tar));
  return `sha256:${id}`;
}

/** The configuration of an image, as docker and OCI have it. @param digests - of its layers, the lowest first, not compressed */
export function imageConfig(config: ImageConfig, digests: readonly string[], epochS: number): object {
  const created = new Date(epochS * 1000).toISOString();
  return {
    created,
    architecture: config.architecture,
    os: 'linux',
    config: {
      User: config.user,
      Env: ['PATH=/usr/local/bin:/usr/bin:/bin'],
      Entrypoint: config.entrypoint,
      WorkingDir: '/',
      Labels: config.labels,
    },
    rootfs: { type: 'layers', diff_ids: digests.map((digest) => `sha256:${digest}`) },
    history: digests.map(() => ({ created, created_by: 'hack/image/build-offline.sh' })),
  };
}

/** Order, owner and time are fixed; whoever builds, root or not, gets the same bytes. Modes are those of the files. */
export function createTar(file: string, directory: string, members: readonly string[], epochS: number): void {
  const options = [
    '--sort=name',
    '--format=gnu',
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    `--mtime=@${epochS}`,
  ];
  const { status } = spawnSync('tar', [...options, '-C', directory, '-cf', file, ...members], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`tar failed for ${file}`);
}

function sha256(file: string): string {
  const hash = createHash('sha256');
  const chunk = Buffer.alloc(1 << 20);
  const descriptor = openSync(file, 'r');
  try {
    for (let read = readSync(descriptor, chunk); read > 0; read = readSync(descriptor, chunk)) {
      hash.update(chunk.subarray(0, read));
    }
  } finally {
    closeSync(descriptor);
  }
  return hash.digest('hex');
}
