import { existsSync } from 'node:fs';
import { mkdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('../../../bin/ace-operator.js', import.meta.url));
const ROOT = '/sys/fs/cgroup';

/** What runs in it ends, killed by the system, when all of it together takes more. */
export interface MemoryGroup {
  /** What to run instead of our program, so that it is in this group and has so many file descriptors. */
  command(files: number): readonly string[];
  remove(): Promise<void>;
}

/** @throws {Error} where there are no memory cgroups that we may make: that takes Linux and root */
export async function inMemoryGroup(name: string, megabytes: number): Promise<MemoryGroup> {
  const isFirstVersion = existsSync(join(ROOT, 'memory'));
  const dir = join(ROOT, isFirstVersion ? 'memory' : '', name);
  await mkdir(dir);
  const limit = isFirstVersion ? 'memory.limit_in_bytes' : 'memory.max';
  await writeFile(join(dir, limit), String(megabytes * 1_048_576));
  const script = `echo $$ > '${join(dir, 'cgroup.procs')}'; ulimit -n "$0"; exec "$@"`;
  return {
    command: (files) => ['sh', '-c', script, String(files), PROGRAM],
    remove: () => rmdir(dir).catch(() => undefined),
  };
}
