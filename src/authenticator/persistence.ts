import { readFile } from 'node:fs/promises';
import { ConfigError } from '../errors.ts';
import type { ClusterState } from './cluster-state.ts';
import { KnownMarks, type KnownMarksOptions } from './known-marks.ts';
import { Snapshot } from './snapshot.ts';
import type { RightSecret, VerifiedSecrets } from './verified.ts';
import { VerifiedFile } from './verified-file.ts';

export interface PersistenceOptions {
  /** The snapshot; right secrets lie beside it. */
  readonly file: string;
  readonly key: Uint8Array;
  /** By what the cluster is known at this moment. */
  readonly marks: KnownMarksOptions['look'];
  readonly state: ClusterState;
  /** A clock that nobody sets; milliseconds. */
  readonly monotonic: () => number;
  readonly onError: (action: string, error: unknown) => void;
  /** Answers come from the snapshot from now on. */
  readonly onRestored: () => void;
}

const MIN_KEY_BYTES = 16;

/** What of an authenticator outlives its process: what it last knew, and which secrets were right. */
export class Persistence {
  readonly #options: PersistenceOptions;
  readonly #snapshot: Snapshot;
  readonly #verifiedFile: VerifiedFile;
  #isRestoring = false;
  /** Why the snapshot was not used; told once, however often it is tried. */
  #refusal = '';

  constructor(options: PersistenceOptions) {
    this.#options = options;
    const { file, state, monotonic } = options;
    const onChange = (): void => this.#verifiedFile.renew();
    const marks = new KnownMarks({ look: options.marks, state, monotonic, onChange });
    this.#snapshot = new Snapshot({ ...options, marks });
    this.#verifiedFile = new VerifiedFile({
      ...options,
      marks,
      file: `${file}.verified`,
      isHeld: (name) => state.tokens.get(name) !== undefined,
    });
  }

  async start(verified: VerifiedSecrets): Promise<void> {
    await this.#verifiedFile.restore(verified);
    this.#snapshot.start();
  }

  /** The API server is not there at the start: what was last known is better than nothing. */
  async restore(): Promise<void> {
    const { state, onRestored, onError } = this.#options;
    if (state.isFilled || this.#isRestoring) return;
    this.#isRestoring = true;
    try {
      await this.#snapshot.restore();
      if (!state.hasSynced) onRestored();
    } catch (error) {
      if (String(error) !== this.#refusal) onError('snapshot not used', error);
      this.#refusal = String(error);
    } finally {
      this.#isRestoring = false;
    }
  }

  foundRight(right: RightSecret): void {
    this.#verifiedFile.add(right);
  }

  async stop(): Promise<void> {
    await Promise.all([this.#snapshot.stop(), this.#verifiedFile.stop()]);
  }
}

/**
 * The bytes of the key file.
 *
 * @throws {ConfigError} when they are too few; the system's error when it cannot be read
 */
export async function readSnapshotKey(file: string): Promise<Uint8Array> {
  const key = await readFile(file);
  if (key.length >= MIN_KEY_BYTES) return key;
  throw new ConfigError(`--snapshot-key-file: wanted a file of ${MIN_KEY_BYTES} bytes or more`);
}
