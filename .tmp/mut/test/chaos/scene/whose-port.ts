import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/** Which of these processes has the local end of a loopback connection, by its port. Linux only. */
export function ownerOfPort(port: number, pids: readonly number[]): number | undefined {
  const inode = inodeOf(port);
  if (inode === undefined) return undefined;
  const link = `socket:[${inode}]`;
  return pids.find((pid) => {
    try {
      return readdirSync(`/proc/${pid}/fd`).some((fd) => linkOf(pid, fd) === link);
    } catch {
      return false; // it has ended
    }
  });
}

function linkOf(pid: number, fd: string): string {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`);
  } catch {
    return '';
  }
}

function inodeOf(port: number): string | undefined {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  const line = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .find((candidate) => candidate.trim().split(/\s+/)[1] === local);
  const inode = line?.trim().split(/\s+/)[9];
  return inode === '0' ? undefined : inode;
}
