import { closeSync, openSync, readdirSync, readFileSync, readSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Files of programs that may hold hashes, though never secrets: snapshots. */
const WITH_HASHES = /\.snapshot/;
const OVERLAP = 512;
/** The beginnings of all formats of hashes, with enough behind them to be one. */
const HASH = /\$[123]:[A-Za-z0-9+/:]{20}|\$2[aby]\$\d\d\$[A-Za-z0-9./]{20}/;

/** Looks for what must not be there: secrets by their mark, hashes by their form, credentials by their text. */
export class Secrets {
  readonly #dir: string;
  readonly #mark: string;
  readonly #texts = new Set<string>();
  readonly #readTo = new Map<string, number>();

  constructor(dir: string, seed: number) {
    this.#dir = dir;
    this.#mark = `CANARY-${seed}-`;
  }

  get known(): number {
    return this.#texts.size;
  }

  /** A Secret whose values must not be anywhere else, nor the bearer of a kubeconfig in it. */
  addSecret(data: Readonly<Record<string, string>> = {}): void {
    for (const value of Object.values(data)) {
      this.#texts.add(value);
      const text = Buffer.from(value, 'base64').toString();
      this.#texts.add(text);
      const [, bearer] = /"token":\s*"([^"]{16,})"/.exec(text) ?? [];
      if (bearer) this.#texts.add(bearer);
    }
    for (const text of this.#texts) if (text.length < 16) this.#texts.delete(text);
  }

  /** @returns what is in it, without quoting it */
  in(text: string, alsoHashes = true): string | undefined {
    const at = text.indexOf(this.#mark);
    if (at >= 0) return `a secret (line ${text.slice(0, at).split('\n').length})`;
    if (!alsoHashes) return undefined;
    if (HASH.test(text)) return 'a hash';
    for (const known of this.#texts) if (text.includes(known)) return 'a credential';
    return undefined;
  }

  /** What was added to the files of the run since the last look, file by file. */
  newOutput(): readonly {
    readonly file: string;
    readonly text: string;
    readonly found: string | undefined;
  }[] {
    const files = readdirSync(this.#dir, { recursive: true, encoding: 'utf8' }).filter((name) =>
      /\.(log|snapshot.*)$/.test(name),
    );
    return files.map((file) => {
      const text = this.#added(join(this.#dir, file));
      return { file, text, found: this.in(text, !WITH_HASHES.test(file)) };
    });
  }

  /** Command line and environment of a process, as others on the machine see it. */
  inProcess(pid: number): string | undefined {
    try {
      const found = this.in(readFileSync(`/proc/${pid}/cmdline`, 'utf8'));
      return found && `its command line holds ${found}`;
    } catch {
      return undefined; // it has ended
    }
  }

  #added(file: string): string {
    const from = this.#readTo.get(file) ?? 0;
    const { size } = statSync(file);
    // A file that is replaced, as a snapshot is, begins anew.
    const begin = size < from || WITH_HASHES.test(file) ? 0 : Math.max(0, from - OVERLAP);
    const buffer = Buffer.alloc(size - begin);
    const handle = openSync(file, 'r');
    readSync(handle, buffer, 0, buffer.length, begin);
    closeSync(handle);
    this.#readTo.set(file, size);
    return buffer.toString();
  }
}
