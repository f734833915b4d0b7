import { execFile } from 'node:child_process';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SIZE_KIB = 4_096;

/** A small disk of its own for what one authenticator saves, which can be full, or read-only. */
export interface Disk {
  readonly dir: string;
  fill(): Promise<void>;
  forbid(): Promise<void>;
  mend(): Promise<void>;
  close(): Promise<void>;
}

/** @returns undefined where nothing can be mounted: that takes root */
export async function mountDisk(dir: string): Promise<Disk | undefined> {
  await mkdir(dir, { recursive: true });
  const mount = (options: string): Promise<unknown> =>
    run('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', dir]);
  try {
    await mount(`size=${SIZE_KIB}k,mode=0700`);
  } catch {
    return undefined;
  }
  const filling = join(dir, 'filling');
  const remount = (how: string): Promise<unknown> => run('mount', ['-o', `remount,${how}`, dir]);
  return {
    dir,
    async fill() {
      // As much as goes in: the last write is refused, and that is what is wanted.
      await writeFile(filling, Buffer.alloc(SIZE_KIB * 1_024)).catch(() => undefined);
    },
    async forbid() {
      await remount('ro');
    },
    async mend() {
      await remount('rw');
      await rm(filling, { force: true });
    },
    async close() {
      await run('umount', ['--lazy', dir]).catch(() => undefined);
    },
  };
}
