import type { KeyObject } from 'node:crypto';
import type { KnownMarks } from './known-marks.ts';
import { derivedKey, readSealed, removeDrafts, SealedFile, type SealedHeader } from './sealed-file.ts';
import type { RightSecret, VerifiedSecrets } from './verified.ts';

export interface VerifiedFileOptions {
  readonly file: string;
  /** Seals the file; what is in it is digested under another key of the same bytes ({@link verifiedKey}). */
  readonly key: Uint8Array;
  /** By what the cluster is known. */
  readonly marks: Pick<KnownMarks, 'current'>;
  /** Whether a token of that name still exists. */
  isHeld(name: string): boolean;
  readonly onError: (action: string, error: unknown) => void;
}

const VERSION = 1;
const RECORDS_A_LINE = 500;
const MIN_GROWTH_BYTES = 1024 * 1024;

type Record = readonly [name: string, secretDigest: string, hashDigest: string];

/** The key under which right secrets are remembered when they are to outlive the process. */
export function verifiedKey(bytes: Uint8Array): KeyObject {
  return derivedKey(bytes, 'verified secrets');
}

/** Right secrets beside the snapshot, so that a restart makes nobody's next use a slow one. */
export class VerifiedFile {
  readonly #options: VerifiedFileOptions;
  readonly #key: KeyObject;
  #verified: VerifiedSecrets | undefined;
  #pending: Record[] = [];
  /** It is to be written anew, whatever waits. */
  #isDue = false;
  #sealed: SealedFile | undefined;
  #wholeBytes = 0;
  #saving: Promise<void> | undefined;

  constructor(options: VerifiedFileOptions) {
    this.#options = options;
    this.#key = derivedKey(options.key, 'verified file');
  }

  /** Gives what is in the file; a file that is missing or cannot be trusted gives nothing. */
  async restore(verified: VerifiedSecrets): Promise<void> {
    this.#verified = verified;
    try {
      const lines = (await readSealed(
        this.#options.file,
        this.#key,
        await this.#header(),
      )) as readonly Record[][];
      for (const line of lines) {
        verified.restore(
          line.map(([name, secretDigest, hashDigest]) => ({ name, secretDigest, hashDigest })),
        );
      }
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        this.#options.onError('verified secrets not used', error);
    }
  }

  /** Adds one, in the background. */
  add({ name, secretDigest, hashDigest }: RightSecret): void {
    this.#pending.push([name, secretDigest, hashDigest]);
    this.#wake();
  }

  /** Writes it anew, in the background: the cluster is known by something else now. */
  renew(): void {
    this.#isDue = true;
    this.#wake();
  }

  #wake(): void {
    this.#saving ??= this.#save()
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#saving = undefined;
      });
  }

  async stop(): Promise<void> {
    await this.#saving;
    await this.#sealed?.close();
    this.#sealed = undefined;
  }

  async #header(): Promise<SealedHeader> {
    const cluster = await this.#options.marks.current();
    return { kind: 'ace-authenticator-verified', version: VERSION, cluster };
  }

  async #save(): Promise<void> {
    while (this.#pending.length > 0 || this.#isDue) {
      const sealed = this.#sealed;
      const isGrown = (sealed?.bytes ?? 0) > this.#wholeBytes * 2 + MIN_GROWTH_BYTES;
      if (!sealed || isGrown || this.#isDue || !(await sealed.isInPlace())) await this.#saveWhole();
      else await sealed.append([this.#pending.splice(0)]);
    }
  }

  async #saveWhole(): Promise<void> {
    const { file, isHeld } = this.#options;
    this.#isDue = false;
    await removeDrafts(file);
    const draft = await SealedFile.begin(file, this.#key, await this.#header());
    this.#pending = [];
    let records: Record[] = [];
    try {
      // Little by little: each takes some computing, and reviews are answered in between.
      for (const { name, secretDigest, hashDigest } of this.#verified?.rights() ?? []) {
        if (!isHeld(name)) continue;
        records.push([name, secretDigest, hashDigest]);
        if (records.length < RECORDS_A_LINE) continue;
        await draft.append([records]);
        records = [];
      }
      await draft.append([records]);
      await draft.publish();
    } catch (error) {
      await draft.discard();
      throw error;
    }
    await this.#sealed?.close();
    this.#sealed = draft;
    this.#wholeBytes = draft.bytes;
  }

  #fail(error: unknown): void {
    this.#options.onError('verified secrets not saved', error);
    const sealed = this.#sealed;
    this.#sealed = undefined;
    this.#pending = [];
    void sealed?.close().catch(() => undefined);
  }
}
