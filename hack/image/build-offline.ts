/** The part of build-offline.sh that is easier in TypeScript. usage: build-offline.ts OUT.tar NAME:TAG NODE */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writeArchive } from './archive.ts';
import { assemble, sourceDateEpoch } from './assemble.ts';
import { baseHere } from './base/base.ts';
import { configOf } from './config.ts';
import { normalise } from './normalise.ts';

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
    baseHere(node, epochS).fill(runtime);
    assemble(join(program, 'app'), join(ROOT, 'node_modules'), epochS);
    // The root itself, too: of the umask of whoever builds, it could be a root that the image's user may not enter.
    normalise(program, epochS);
    const archive = join(stage, 'archive');
    mkdirSync(archive);
    const id = writeArchive(
      { file: resolve(out), name },
      [runtime, program],
      configOf(ARCHITECTURES[process.arch] ?? process.arch),
      archive,
      epochS,
    );
    console.log(`${name} ${id}`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

main(process.argv.slice(2));
