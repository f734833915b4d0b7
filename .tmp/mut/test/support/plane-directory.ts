import { existsSync } from 'node:fs';
import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'ace-plane-';
const KEPT = 'logs-kept';
const KEEP_MS = 24 * 3_600_000;

/** A directory below the system's temporary one that carries its owner's pid in its name, so that others can sweep. */
export async function createPlaneDirectory(name: string): Promise<string> {
  const safeName = name.replace(/[^A-Za-z0-9_.-]/g, '_');
  return mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-${safeName}-`));
}

/** Removes the data but leaves the logs, for a day. */
export async function keepLogs(directory: string): Promise<void> {
  for (const entry of await readdir(directory)) {
    if (!entry.endsWith('.log')) await rm(join(directory, entry), { recursive: true, force: true });
  }
  await keepForADay(directory);
}

export async function keepForADay(directory: string): Promise<void> {
  await writeFile(join(directory, KEPT), '');
}

/** Removes the directories of processes that ended without cleaning up, and logs that were kept long ago. */
export async function sweepPlaneDirectories(): Promise<void> {
  const entries = await readdir(tmpdir());
  const stale = entries.filter((entry) => entry.startsWith(PREFIX)).map((entry) => join(tmpdir(), entry));
  await Promise.all(stale.map(sweep));
}

async function sweep(directory: string): Promise<void> {
  const pid = Number(directory.slice(directory.lastIndexOf(PREFIX) + PREFIX.length).split('-')[0]);
  if (!Number.isInteger(pid) || isAlive(pid)) return;
  if (existsSync(join(directory, KEPT)) && (await isFresh(directory))) return;
  await rm(directory, { recursive: true, force: true }).catch(() => undefined); // another process sweeps as well
}

async function isFresh(directory: string): Promise<boolean> {
  const found = await stat(directory).catch(() => undefined);
  return found !== undefined && Date.now() - found.mtimeMs < KEEP_MS;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
