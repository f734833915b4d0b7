import { createHmac, timingSafeEqual } from 'node:crypto';
import { open, readFile, rename } from 'node:fs/promises';
import { z } from 'zod';
import type { ClusterState, StateContent } from './cluster-state.ts';

export interface SnapshotOptions {
  readonly file: string;
  /** Authenticates the file: who may write it must not thereby let tokens in. */
  readonly key: Uint8Array;
  readonly state: ClusterState;
  readonly now: () => number;
  readonly onError: (action: string, error: unknown) => void;
}

/** The file is not ours, was altered, or is of another layout. It is then as good as none. */
export class SnapshotError extends Error {
  override readonly name = 'SnapshotError';
}

const VERSION = 1;
const SAVE_INTERVAL_MS = 10_000;

const envelope = z.object({
  version: z.literal(VERSION),
  savedAtMs: z.number(),
  content: z.string(),
  mac: z.string(),
});

/** Last known state on disk: hashes and names, no secret of any token. Lets a control-plane node boot alone. */
export class Snapshot {
  readonly #options: SnapshotOptions;
  #timer: NodeJS.Timeout | undefined;
  #isDirty = false;
  #saving: Promise<void> = Promise.resolve();

  constructor(options: SnapshotOptions) {
    this.#options = options;
    const { tokens, secrets, users } = options.state;
    const markDirty = (): void => {
      this.#isDirty = true;
    };
    for (const store of [tokens, secrets, users]) store.onChange(markDirty);
  }

  start(): void {
    this.#timer = setInterval(() => this.#saveIfDirty(), SAVE_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Saves what is not saved yet, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    this.#saveIfDirty();
    await this.#saving;
  }

  /**
   * Fills the state from the file.
   *
   * @throws {SnapshotError} when the file cannot be trusted; the system's error when it cannot be read
   */
  async restore(): Promise<void> {
    const { file, state } = this.#options;
    const { content, savedAtMs } = this.#open(await readFile(file, 'utf8'));
    state.restore(content, savedAtMs);
  }

  #saveIfDirty(): void {
    const { state, onError } = this.#options;
    // Only what the API server told is worth keeping; a restored snapshot is on disk already.
    if (!this.#isDirty || !state.hasSynced) return;
    this.#isDirty = false;
    this.#saving = this.#saving
      .then(() => this.#save(state.content()))
      .catch((error: unknown) => {
        this.#isDirty = true;
        onError('snapshot not saved', error);
      });
  }

  async #save(stored: StateContent): Promise<void> {
    const { file, now } = this.#options;
    const savedAtMs = now();
    const content = JSON.stringify(stored);
    const temporary = `${file}.new`;
    const handle = await open(temporary, 'w', 0o600);
    try {
      await handle.chmod(0o600);
      await handle.writeFile(
        JSON.stringify({ version: VERSION, savedAtMs, content, mac: this.#mac(savedAtMs, content) }),
      );
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
  }

  #open(text: string): { content: StateContent; savedAtMs: number } {
    const parsed = envelope.safeParse(parseJson(text));
    if (!parsed.success) throw new SnapshotError('the file is no snapshot of this version');
    const { savedAtMs, content, mac } = parsed.data;
    const expected = Buffer.from(this.#mac(savedAtMs, content));
    const given = Buffer.from(mac);
    if (expected.length !== given.length || !timingSafeEqual(expected, given)) {
      throw new SnapshotError('the file was altered, or written under another key');
    }
    return { content: JSON.parse(content) as StateContent, savedAtMs };
  }

  #mac(savedAtMs: number, content: string): string {
    return createHmac('sha256', this.#options.key)
      .update(JSON.stringify([VERSION, savedAtMs]))
      .update(content)
      .digest('base64');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
