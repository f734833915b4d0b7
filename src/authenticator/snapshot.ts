import type { KeyObject } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { Identified } from '../api/types.ts';
import type { Store, StoreEvent } from '../kube/store.ts';
import type { ClusterState, StateContent } from './cluster-state.ts';
import type { KnownMarks } from './known-marks.ts';
import {
  derivedKey,
  readSealed,
  removeDrafts,
  SealedFile,
  type SealedHeader,
  SnapshotError,
} from './sealed-file.ts';

export { SnapshotError } from './sealed-file.ts';

export interface SnapshotOptions {
  readonly file: string;
  /** Authenticates the file: who may write it must not thereby let tokens in. */
  readonly key: Uint8Array;
  /** By what the cluster is known: what another cluster's authenticator wrote is not used. */
  readonly marks: Pick<KnownMarks, 'current'>;
  readonly state: ClusterState;
  readonly onError: (action: string, error: unknown) => void;
}

type Kind = keyof StateContent;
/** What one line tells: objects that are there, names that are gone, that the first list is whole, how current it is. */
interface Entry {
  readonly put?: Partial<Record<Kind, readonly Identified[]>>;
  readonly gone?: Partial<Record<Kind, readonly string[]>>;
  readonly isWhole?: true;
  /** Milliseconds since the epoch: when the API server last confirmed all of it. */
  readonly confirmedAtMs?: number;
}

type Held = Readonly<Record<Kind, Map<string, Identified>>>;

const VERSION = 2;
const KINDS: readonly Kind[] = ['tokens', 'secrets', 'users'];
/** How often it is noted that nothing has changed. */
const CONFIRM_INTERVAL_MS = 5_000;
const OBJECTS_A_LINE = 500;
/** A file is written afresh when its changes outgrow what it began with, and this. */
const MIN_GROWTH_BYTES = 4 * 1024 * 1024;

/**
 * Last known state on disk: hashes and names, no secret of any token. Lets a control-plane node boot alone.
 *
 * The file holds the whole state once and then every change, written the moment it is known: a change costs some
 * hundred bytes however many tokens there are.
 */
export class Snapshot {
  readonly #options: SnapshotOptions;
  readonly #key: KeyObject;
  #timer: NodeJS.Timeout | undefined;
  #isFollowing = false;
  #pending: Entry[] = [];
  #sealed: SealedFile | undefined;
  /** A draft that is to take its place, and what changed since it was begun. */
  #whole: SealedFile | undefined;
  #sinceWhole: Entry[] | undefined;
  #wholeBytes = 0;
  #confirmedAtMs = 0;
  #isRunning = false;
  #running: Promise<void> = Promise.resolve();

  constructor(options: SnapshotOptions) {
    this.#options = options;
    this.#key = derivedKey(options.key, 'snapshot');
    const { tokens, secrets, users } = options.state;
    this.#follow('users', users, () => true);
    this.#follow('secrets', secrets, ({ name }) => tokens.get(name) !== undefined);
    // A Secret counts with its token, whichever comes first; others' Secrets of the namespace are none of our business.
    tokens.onChange(({ type, object }) => {
      const secret = secrets.get(object.name);
      if (type === 'added' && secret) this.#note({ put: { secrets: [secret] } });
      if (type === 'deleted') this.#note({ gone: { secrets: [object.name] } });
    });
    this.#follow('tokens', tokens, () => true);
  }

  start(): void {
    void this.#options.state.synced().then(() => this.#wake());
    this.#timer = setInterval(() => this.#wake(), CONFIRM_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Saves what is not saved yet, and ends. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    do {
      this.#wake();
      await this.#running;
    } while (this.#pending.length > 0);
    // A draft under way is of no use any more; what it holds is in the old file.
    this.#sinceWhole = undefined;
    await this.#whole?.discard();
    await this.#sealed?.close();
    this.#sealed = undefined;
  }

  /**
   * Fills the state from the file.
   *
   * @throws {SnapshotError} when the file cannot be trusted; the system's error when it cannot be read
   */
  async restore(): Promise<void> {
    const { file, state } = this.#options;
    const held: Held = { tokens: new Map(), secrets: new Map(), users: new Map() };
    const entries = (await readSealed(file, this.#key, await this.#header())) as readonly Entry[];
    for (const entry of entries) replay(entry, held);
    const isWhole = entries.some((entry) => entry.isWhole);
    const confirmedAtMs = entries.findLast((entry) => entry.confirmedAtMs)?.confirmedAtMs ?? 0;
    if (!isWhole) throw new SnapshotError('the file was not written to its end');
    const content = Object.fromEntries(KINDS.map((kind) => [kind, [...held[kind].values()]]));
    state.restore(content as unknown as StateContent, confirmedAtMs);
  }

  async #header(): Promise<SealedHeader> {
    const cluster = await this.#options.marks.current();
    return { kind: 'ace-authenticator-snapshot', version: VERSION, cluster };
  }

  #follow<T extends Identified>(kind: Kind, store: Store<T>, isOurs: (object: T) => boolean): void {
    store.onChange(({ type, object }: StoreEvent<T>) => {
      if (type === 'deleted') this.#note({ gone: { [kind]: [object.name] } });
      else if (isOurs(object)) this.#note({ put: { [kind]: [object] } });
    });
  }

  /** Before the first whole file is begun there is nothing to add to: it will hold all of this. */
  #note(entry: Entry): void {
    if (!this.#isFollowing) return;
    this.#pending.push(entry);
    this.#wake();
  }

  /** Only what the API server told is worth keeping; a restored state is on disk already. */
  #wake(): void {
    if (this.#isRunning || !this.#options.state.hasSynced) return;
    this.#isRunning = true;
    // In the next turn, so that what is told in one piece is written in one piece.
    this.#running = nextTurn()
      .then(() => this.#save())
      .catch((error: unknown) => this.#fail(error))
      .finally(() => {
        this.#isRunning = false;
        if (this.#pending.length > 0 || this.#whole) this.#wake();
      });
  }

  /** A file that could not be written to is given up; another is begun within seconds. */
  #fail(error: unknown): void {
    this.#options.onError('snapshot not saved', error);
    const [sealed, whole] = [this.#sealed, this.#whole];
    this.#sealed = undefined;
    this.#whole = undefined;
    this.#sinceWhole = undefined;
    this.#isFollowing = false;
    this.#pending = [];
    void sealed?.close().catch(() => undefined);
    void whole?.discard().catch(() => undefined);
  }

  async #save(): Promise<void> {
    // Another authenticator of this node may have put its own file there: the one that lives on writes its own again.
    if (this.#sealed === undefined || !(await this.#sealed.isInPlace())) {
      this.#sinceWhole = undefined;
      await this.#replace(await this.#writeWhole());
    }
    await this.#append();
    if (this.#whole) await this.#replace(this.#whole);
    if (!this.#sinceWhole && (await this.#isOutgrown(this.#sealed))) this.#renew();
  }

  /** Also by time: the cluster may be known by something else than when it was begun. */
  async #isOutgrown(sealed: SealedFile | undefined): Promise<boolean> {
    if (sealed === undefined) return false;
    const { cluster } = await this.#header();
    return (
      sealed.bytes > this.#wholeBytes * 2 + MIN_GROWTH_BYTES ||
      !isDeepStrictEqual(cluster, sealed.header.cluster)
    );
  }

  async #append(): Promise<void> {
    const { confirmedAtMs } = this.#options.state;
    const entries = this.#pending.splice(0);
    // Ages are counted by another clock than the wall's, so that these may differ by a moment; and that clock may be set back.
    if (entries.length === 0 && Math.abs(confirmedAtMs - this.#confirmedAtMs) < 1_000) return;
    this.#sinceWhole?.push(...entries);
    this.#confirmedAtMs = confirmedAtMs;
    await this.#sealed?.append([...entries, { confirmedAtMs }]);
    await this.#sealed?.sync();
  }

  /** Writes the whole state beside the changes, which go on being added to the old file meanwhile. */
  #renew(): void {
    const since: Entry[] = [];
    this.#sinceWhole = since;
    this.#writeWhole().then(
      (whole) => {
        if (this.#sinceWhole !== since) return void whole.discard();
        this.#whole = whole;
        this.#wake();
      },
      (error: unknown) => this.#fail(error),
    );
  }

  /** A draft of all that is held at this moment; changes are noted from the same moment on. */
  async #writeWhole(): Promise<SealedFile> {
    const { file, state } = this.#options;
    const { confirmedAtMs } = state;
    const content = state.content();
    const isFirst = !this.#isFollowing;
    this.#isFollowing = true;
    if (isFirst) await removeDrafts(file);
    const draft = await SealedFile.begin(file, this.#key, await this.#header());
    try {
      for (const kind of KINDS) {
        const objects: readonly Identified[] = content[kind];
        for (let at = 0; at < objects.length; at += OBJECTS_A_LINE) {
          await draft.append([{ put: { [kind]: objects.slice(at, at + OBJECTS_A_LINE) } }]);
        }
      }
      await draft.append([{ isWhole: true, confirmedAtMs }]);
      return draft;
    } catch (error) {
      await draft.discard();
      throw error;
    }
  }

  /** Puts a draft, with what changed since it was begun, in the old file's place. */
  async #replace(whole: SealedFile): Promise<void> {
    const before = this.#sealed;
    const since = this.#sinceWhole ?? [];
    this.#whole = undefined;
    this.#sinceWhole = undefined;
    try {
      await whole.append(since);
      await whole.publish();
    } catch (error) {
      await whole.discard();
      throw error;
    }
    this.#sealed = whole;
    this.#wholeBytes = whole.bytes;
    await before?.close();
  }
}

function replay({ put, gone }: Entry, held: Held): void {
  for (const kind of KINDS) {
    for (const object of put?.[kind] ?? []) held[kind].set(object.name, object);
    for (const name of gone?.[kind] ?? []) held[kind].delete(name);
  }
}
