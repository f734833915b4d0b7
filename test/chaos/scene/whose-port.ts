import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

/**
 * Which of these processes has the local end of a loopback connection. By both its ports: two processes may have the same port of
 * their own at the same time, for connections to two servers. Linux only.
 */
export function ownerOfConnection(
  { port, serverPort }: { readonly port: number; readonly serverPort: number },
  pids: readonly number[],
): number | undefined {
  const inode = inodeOf(port, serverPort);
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

function inodeOf(port: number, serverPort: number): string | undefined {
  const [local, remote] = [port, serverPort].map(
    (one) => `0100007F:${one.toString(16).toUpperCase().padStart(4, '0')}`,
  );
  const columns = readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  const inode = columns.find(([, from, to]) => from === local && to === remote)?.[9];
  return inode === '0' ? undefined : inode;
}
