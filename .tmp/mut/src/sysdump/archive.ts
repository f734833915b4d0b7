import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import { packTar } from 'modern-tar';
import type { Scrubber } from './scrub.ts';

/** Something that is not in the archive, and why. */
export interface LeftOut {
  readonly what: string;
  readonly reason: string;
  readonly message: string;
}

export interface ArchiveLimits {
  /** Of all files together, before they are compressed. */
  readonly totalBytes: number;
  readonly fileBytes: number;
}

/** Files for an archive, in memory, as many as the limits allow. What does not fit is said, and nothing grows beyond them. */
export class Archive {
  readonly leftOut: LeftOut[] = [];
  readonly #files = new Map<string, string>();
  readonly #limits: ArchiveLimits;
  readonly #scrubber: Scrubber;
  #bytes = 0;

  constructor(limits: ArchiveLimits, scrubber: Scrubber) {
    this.#limits = limits;
    this.#scrubber = scrubber;
  }

  get count(): number {
    return this.#files.size;
  }

  leave(what: string, reason: string, message: string): void {
    this.leftOut.push({ what, reason, message });
  }

  /** One document. */
  addObject(path: string, object: unknown): void {
    const text = `${JSON.stringify(object, null, 2)}\n`;
    if (this.#room() < text.length) this.leave(path, 'TooLarge', `${text.length} characters do not fit`);
    else this.#put(path, text);
  }

  /** A line each. Of too many the last are kept when they are of a log, else the first. */
  addLines(path: string, lines: readonly string[], keep: 'first' | 'last' = 'first'): void {
    const chosen: string[] = [];
    let room = this.#room();
    for (const line of keep === 'last' ? lines.toReversed() : lines) {
      room -= line.length + 1;
      if (room < 0) break;
      chosen.push(line);
    }
    if (chosen.length < lines.length)
      this.leave(path, 'TooLarge', `only the ${keep} ${chosen.length} of ${lines.length} lines fit`);
    const ordered = keep === 'last' ? chosen.reverse() : chosen;
    this.#put(path, ordered.map((line) => `${line}\n`).join(''));
  }

  /**
   * The archive, as `tar.gz`. Every text goes through the scrubber at last, when all secrets that were met are known.
   *
   * @param directory - all files are in, so that nobody's own are overwritten when it is unpacked
   */
  async pack(directory: string, mtime: Date): Promise<Uint8Array> {
    this.#put('left-out.json', `${JSON.stringify(this.leftOut, null, 2)}\n`);
    const entries = [...this.#files].map(([path, text]) => {
      const body = Buffer.from(this.#scrubber.scrub(text));
      return { header: { name: `${directory}/${path}`, size: body.length, mode: 0o600, mtime }, body };
    });
    return promisify(gzip)(await packTar(entries));
  }

  /** In characters: a byte each, but for names of people and places. */
  #room(): number {
    return Math.max(0, Math.min(this.#limits.fileBytes, this.#limits.totalBytes - this.#bytes));
  }

  #put(path: string, text: string): void {
    this.#bytes += text.length;
    this.#files.set(path, text);
  }
}
