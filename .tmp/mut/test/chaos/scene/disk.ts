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
  let isForbidden = false;
  return {
    dir,
    async fill() {
      // As much as goes in: the last write is refused, and that is what is wanted.
      await writeFile(filling, Buffer.alloc(SIZE_KIB * 1_024)).catch(() => undefined);
    },
    async forbid() {
      // The same once more on top, so that a file that is open for writing is no hindrance: nothing more can be opened for it.
      await run('mount', ['--bind', dir, dir]);
      isForbidden = true;
      await run('mount', ['-o', 'remount,bind,ro', dir]);
    },
    async mend() {
      if (isForbidden) await run('umount', ['--lazy', dir]);
      isForbidden = false;
      await rm(filling, { force: true });
    },
    async close() {
      if (isForbidden) await run('umount', ['--lazy', dir]).catch(() => undefined);
      await run('umount', ['--lazy', dir]).catch(() => undefined);
    },
  };
}
