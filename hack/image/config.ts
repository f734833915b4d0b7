import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJson } from '../packages.ts';
import { repository } from '../repository.ts';
import type { ImageConfig } from './archive.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/**
 * How the image starts and what it says of itself. User and start are those of the Dockerfile, where the one place for them is.
 *
 * @param architecture - as images name it: `amd64`, `arm64`
 */
export function configOf(architecture: string): ImageConfig {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const { name, version, description, license } = readJson(join(ROOT, 'package.json')) as Record<
    string,
    string
  >;
  return {
    architecture,
    entrypoint: JSON.parse(instruction(dockerfile, 'ENTRYPOINT')) as string[],
    user: instruction(dockerfile, 'USER'),
    labels: {
      'org.opencontainers.image.title': name ?? '',
      'org.opencontainers.image.description': description ?? '',
      'org.opencontainers.image.source': repository(),
      'org.opencontainers.image.licenses': license ?? '',
      'org.opencontainers.image.version': version ?? '',
      'org.opencontainers.image.revision': revision(),
    },
  };
}

function instruction(dockerfile: string, name: string): string {
  const value = new RegExp(`^${name} (.+)$`, 'm').exec(dockerfile)?.[1];
  if (value === undefined) throw new Error(`the Dockerfile has no ${name}`);
  return value;
}

/** The commit that is checked out; `unknown` outside of git. */
export function revision(): string {
  const { status, stdout } = spawnSync('git', ['-C', ROOT, 'rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}
