import { rm, writeFile } from 'node:fs/promises';

/**
 * A file that is there while this process, and not another one that shares its port, answers. Probes over the network
 * reach either of two authenticators of a node; a file in the Pod's own volume is this Pod's.
 */
export class ReadyFile {
  readonly #file: string | undefined;

  constructor(file: string | undefined) {
    this.#file = file;
  }

  /** Also before the first word: a killed process leaves its file behind. */
  async remove(): Promise<void> {
    if (this.#file !== undefined) await rm(this.#file, { force: true });
  }

  async write(): Promise<void> {
    if (this.#file !== undefined) await writeFile(this.#file, '', { mode: 0o644 });
  }
}
