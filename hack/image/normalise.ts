import { chmodSync, lstatSync, lutimesSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Gives everything below `directory`, and itself, the same time and one of two modes, whatever the umask was: readable for
 * all, writable for the owner, executable where it was so for the owner. Set-uid bits do not survive.
 */
export function normalise(directory: string, epochS: number): void {
  for (const name of readdirSync(directory)) {
    const path = join(directory, name);
    if (lstatSync(path).isDirectory()) normalise(path, epochS);
    else set(path, epochS);
  }
  set(directory, epochS);
}

function set(path: string, epochS: number): void {
  const stat = lstatSync(path);
  if (!stat.isSymbolicLink()) chmodSync(path, (stat.mode & 0o100) !== 0 ? 0o755 : 0o644);
  lutimesSync(path, epochS, epochS);
}
