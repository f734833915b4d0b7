/** Archives of a release: order, owner, modes and times are fixed, so that the same files make the same bytes. */
import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { packTar } from 'modern-tar';

export interface ArchivedFile {
  /** Within the archive, with slashes. */
  readonly path: string;
  readonly content: Buffer;
  readonly isProgram?: boolean;
}

/**
 * @param files - in the order in which they are to stand
 * @param epochS - the time that all of them bear, in seconds since 1970
 */
export async function tar(files: readonly ArchivedFile[], epochS: number): Promise<Buffer> {
  const owner = { uid: 0, gid: 0, uname: '', gname: '' };
  const entries = files.map(({ path, content, isProgram = false }) => ({
    header: {
      name: path,
      size: content.length,
      mode: isProgram ? 0o755 : 0o644,
      mtime: new Date(epochS * 1000),
      type: 'file' as const,
      ...owner,
    },
    body: content,
  }));
  return Buffer.from(await packTar(entries));
}

export const tarGz = async (files: readonly ArchivedFile[], epochS: number): Promise<Buffer> =>
  compressed(await tar(files, epochS));

/** gzip. Its header has no time, and names no system: Node's zlib would name the one it runs on. */
export function compressed(data: Buffer): Buffer {
  const result = gzipSync(data, { level: 9 });
  result[9] = 255;
  return result;
}

export const sha256 = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex');
