/** The part of build-offline.sh that is easier in TypeScript. usage: build-offline.ts OUT.tar NAME:TAG NODE */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readJson } from '../packages.ts';
import { repository } from '../repository.ts';
import { type ImageConfig, writeArchive } from './archive.ts';
import { assemble, sourceDateEpoch } from './assemble.ts';
import { assembleRuntime } from './runtime.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

function main([out, name, node]: readonly string[]): void {
  if (out === undefined || name === undefined || node === undefined)
    throw new Error('three arguments are needed');
  const epochS = sourceDateEpoch();
  const stage = mkdtempSync(join(tmpdir(), 'ace-image-'));
  try {
    const runtime = join(stage, 'runtime');
    const program = join(stage, 'program');
    assembleRuntime(runtime, node, epochS);
    assemble(join(program, 'app'), join(ROOT, 'node_modules'), epochS);
    const archive = join(stage, 'archive');
    mkdirSync(archive);
    const id = writeArchive({ file: resolve(out), name }, [runtime, program], config(), archive, epochS);
    console.log(`${name} ${id}`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** User and start are those of the Dockerfile, where the one place for them is. */
function config(): ImageConfig {
  const dockerfile = readFileSync(join(ROOT, 'Dockerfile'), 'utf8');
  const { name, version, description, license } = readJson(join(ROOT, 'package.json')) as Record<
    string,
    string
  >;
  return {
    architecture: ARCHITECTURES[process.arch] ?? process.arch,
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

function revision(): string {
  const { status, stdout } = spawnSync('git', ['-C', ROOT, 'rev-parse', 'HEAD'], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : 'unknown';
}

main(process.argv.slice(2));
