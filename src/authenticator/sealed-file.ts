import { createHmac, createSecretKey, type KeyObject, randomBytes, timingSafeEqual } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, rename, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** The file is not ours, was altered, or is of another layout. It is then as good as none. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

/** What the first line of a file says of all the others. */
export interface SealedHeader {
  /** What the records are; a file of one kind is never taken for one of another. */
  readonly kind: string;
  readonly version: number;
  /** Of which cluster it is ({@link clusterMarks}). */
  readonly cluster: readonly string[];
}

const MAC_CHARACTERS = 44;
const NEWLINE = 0x0a;

/** Keys for different purposes from the bytes of one key file. */
export function derivedKey(bytes: Uint8Array, purpose: string): KeyObject {
  return createSecretKey(createHmac('sha256', bytes).update(purpose).digest());
}

/**
 * A file of lines, each sealed by an HMAC over itself and the seal before it: no line can be changed, taken out, put
 * elsewhere or brought from another file. Only the end can be cut off, which is to put an older state back.
 *
 * It is written as a draft and takes its place when it is whole; from then on it grows.
 */
export class SealedFile {
  readonly header: SealedHeader;
  readonly #file: string;
  readonly #key: KeyObject;
  readonly #handle: FileHandle;
  readonly #draft: string;
  #mac = '';
  /** Length so far. */
  bytes = 0;

  private constructor(
    header: SealedHeader,
    key: KeyObject,
    { file, draft, handle }: { file: string; draft: string; handle: FileHandle },
  ) {
    this.header = header;
    this.#file = file;
    this.#key = key;
    this.#handle = handle;
    this.#draft = draft;
  }

  /** Opens a draft. Its name is random and must be free, so that no link that somebody planted is followed. */
  static async begin(file: string, key: KeyObject, header: SealedHeader): Promise<SealedFile> {
    const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
    const handle = await open(draft, 'wx', 0o600);
    const sealed = new SealedFile(header, key, { file, draft, handle });
    // The seed tells this file's chain from that of every other.
    await sealed.append([{ ...header, seed: randomBytes(16).toString('base64') }]);
    return sealed;
  }

  /** Writes one line for each record, in one piece. */
  async append(records: readonly unknown[]): Promise<void> {
    let text = '';
    for (const record of records) {
      const line = JSON.stringify(record);
      this.#mac = macOf(this.#key, this.#mac, line);
      text += `${this.#mac}${line}\n`;
    }
    const bytes = Buffer.from(text);
    await this.#handle.appendFile(bytes);
    this.bytes += bytes.length;
  }

  /** Waits until what was appended would survive a loss of power. */
  async sync(): Promise<void> {
    await this.#handle.datasync();
  }

  /** Takes the place of what was there. */
  async publish(): Promise<void> {
    await this.#handle.sync();
    await rename(this.#draft, this.#file);
  }

  /** False when another process has put its own file in this one's place. */
  async isInPlace(): Promise<boolean> {
    return (await this.#handle.stat()).nlink > 0;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  /** Ends a draft that is of no use. */
  async discard(): Promise<void> {
    await this.close();
    await unlink(this.#draft).catch(() => undefined);
  }
}

/**
 * The records of a file, without its header. A last line that was being written when the process ended is left out.
 *
 * @throws {SnapshotError} when it cannot be trusted, or is of another cluster; the system's error when it cannot be read
 */
export async function readSealed(
  file: string,
  key: KeyObject,
  expected: SealedHeader,
): Promise<readonly unknown[]> {
  const [first, ...records] = openLines(await readFile(file), key);
  const header = first as Partial<SealedHeader> | undefined;
  if (header?.kind !== expected.kind || header.version !== expected.version) {
    throw new SnapshotError('the file is none of this kind and version');
  }
  if (!header.cluster?.some((mark) => expected.cluster.includes(mark))) {
    throw new SnapshotError('the file is of another cluster');
  }
  return records;
}

function openLines(bytes: Buffer, key: KeyObject): unknown[] {
  const records: unknown[] = [];
  let mac = '';
  for (
    let start = 0, end = bytes.indexOf(NEWLINE);
    end >= 0;
    start = end + 1, end = bytes.indexOf(NEWLINE, start)
  ) {
    const line = bytes.toString('utf8', start + MAC_CHARACTERS, end);
    mac = macOf(key, mac, line);
    const given = bytes.subarray(start, Math.min(start + MAC_CHARACTERS, end));
    const wanted = Buffer.from(mac);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) {
      throw new SnapshotError('the file was altered, or written under another key');
    }
    records.push(JSON.parse(line));
  }
  return records;
}

function macOf(key: KeyObject, before: string, line: string): string {
  return createHmac('sha256', key).update(before).update(line).digest('base64');
}

/** Removes drafts that were left when a process was killed; one that is being written now is written again. */
export async function removeDrafts(file: string): Promise<void> {
  const directory = dirname(file);
  const own = `${basename(file)}.`;
  for (const name of await readdir(directory)) {
    if (!name.startsWith(own) || !/^[0-9a-f]{12}\.new$/.test(name.slice(own.length))) continue;
    await unlink(join(directory, name)).catch(() => undefined);
  }
}
