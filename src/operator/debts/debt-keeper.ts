import type { Token } from '../../api/types.ts';
import { FencedError } from '../../errors.ts';
import { backoffMs } from '../../kube/backoff.ts';
import type { Log } from '../../telemetry/log.ts';
import { parseKey } from '../keys.ts';
import { type Debt, type DebtRecord, type Ledger, ofGroups } from './debt-record.ts';
import type { DebtRecords } from './debt-records.ts';
import { Drift } from './drift.ts';
import type { EarlierDeletions } from './earlier-deletions.ts';
import { isStillOwed, type SeenUpstream, standingOf } from './judge-known.ts';
import { isOfPlane, MANY_AT_ONCE, owedOf } from './plane.ts';
import { dueMs, earliest, PAID_MS } from './when-to-write.ts';

export interface DebtKeeperDeps {
  readonly cluster: string;
  readonly records: DebtRecords;
  readonly seen: SeenUpstream;
  readonly ledger: Ledger;
  readonly earlier: EarlierDeletions;
  readonly log: Log;
  /** Milliseconds since the epoch. What is paced here is by a clock that nobody sets. */
  readonly now: () => number;
  isAway(): boolean;
}

/** What became of a key; the fields that matter here. */
interface Settled {
  readonly state: string;
  readonly reason?: string | undefined;
}

/** One write a cluster in this time, however much happens. */
const MIN_INTERVAL_MS = 200;
const LATELY_MS = 60_000;
const RETRY_MAX_MS = 15_000;

/** Keeps one cluster's record true: what is owed there, and what is there. */
export class DebtKeeper {
  readonly #deps: DebtKeeperDeps;
  readonly #owed: Drift;
  /** Those that groups are part of: of a key that is written already this is news. */
  readonly #ofGroups: Drift;
  readonly #known: Drift;
  /** Kinds of the tokens that keys stand for, where it is known. */
  readonly #apis: Map<string, Token['api']>;
  /** What is written is not what is known, though no key says so. */
  #isOutdated = false;
  /** Deletions that were told, since the last minute in which there was none. */
  readonly #restored: DebtRecord | undefined;
  /** What is in the record is not known. */
  #isUnread: boolean;
  #lately = 0;
  #latelyWritten: number;
  #planeWritten: string;
  #latelyTimer: NodeJS.Timeout | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isWriting = false;
  #isStopped = false;
  #writing: Promise<void> = Promise.resolve();
  #failures = 0;
  #wroteAtMs = Number.NEGATIVE_INFINITY;

  constructor(deps: DebtKeeperDeps) {
    this.#deps = deps;
    const found = deps.records.foundOf(deps.cluster);
    this.#isUnread = deps.records.isUnread;
    // A record that came here from another plane tells nothing about this one.
    const { plane } = deps.earlier;
    this.#restored = found && isOfPlane(found, plane) ? found : undefined;
    this.#owed = new Drift(this.#restored?.owed.keys());
    this.#ofGroups = new Drift(ofGroups(this.#restored?.owed ?? new Map()));
    this.#known = new Drift(found?.plane === plane ? found.known : []);
    this.#apis = new Map(found?.apis);
    this.#latelyWritten = found?.lately ?? 0;
    this.#planeWritten = found?.plane ?? plane;
  }

  /** Takes over what earlier processes knew: what is owed still, and what has to go of what they left there. */
  restore(): void {
    this.#restoreOwed(this.#restored);
    this.judgeKnown();
  }

  /** What has to go of what earlier processes left there, by what is read and remembered now. */
  judgeKnown(): void {
    const { cluster, seen, ledger, now } = this.#deps;
    for (const key of [...this.#known.keys]) {
      const standing = standingOf(key, { cluster, apis: this.#apis, nowMs: now() }, seen);
      if (standing === 'unseen') this.unlearn(key);
      else if (standing !== 'wanted') ledger.owe(key, { sinceMs: now(), cause: standing });
    }
    this.#plan();
  }

  #restoreOwed(record: DebtRecord | undefined): void {
    const { seen, ledger } = this.#deps;
    for (const [key, debt] of record?.owed ?? []) {
      if (isStillOwed(key, debt, seen.management)) ledger.owe(key, debt);
      else this.debtChanged(key, undefined);
    }
  }

  /** Before it is written for the first time. @throws {ConnectionError | ApiError} while it cannot be read */
  async #readLate(): Promise<void> {
    const { cluster, records, earlier } = this.#deps;
    if (!this.#isUnread) return;
    const found = await records.read(cluster);
    this.#isUnread = false;
    if (!found || !isOfPlane(found.record, earlier.plane)) return;
    const { record } = found;
    for (const [key, api] of record.apis) if (!this.#apis.has(key)) this.#apis.set(key, api);
    if (record.plane === earlier.plane) for (const key of record.known) this.#known.add(key, 0);
    this.#restoreOwed(record);
    earlier.foundLate(found);
  }

  /** Keys that stand for something there, or may. */
  keys(): readonly string[] {
    return [...this.#known.keys, ...this.#owed.keys];
  }

  has(key: string): boolean {
    return this.#known.keys.has(key) || this.#owed.keys.has(key);
  }

  /** A source of this cluster was told to be deleted. */
  deletionTold(): void {
    this.#lately += 1;
    clearTimeout(this.#latelyTimer);
    this.#latelyTimer = setTimeout(() => {
      this.#lately = 0;
      this.#plan();
    }, LATELY_MS);
    this.#latelyTimer.unref();
  }

  /** This is owed from now on under a key, also where less was before; undefined: nothing any more. */
  debtChanged(key: string, debt: Debt | undefined): void {
    const nowMs = performance.now();
    if (debt) this.#owed.add(key, nowMs);
    else this.#owed.remove(key, nowMs);
    if (debt?.isOfGroups) this.#ofGroups.add(key, nowMs);
    else this.#ofGroups.remove(key, nowMs);
    this.#forgetApi(key);
    this.#plan();
  }

  /** Nobody saw its source being deleted: the brake decides about it, here and in the next process. */
  unlearn(key: string): void {
    this.#known.remove(key, performance.now());
    this.#forgetApi(key);
    this.#plan();
  }

  /** Where a key stands in the cluster now; undefined: nothing of it is left. */
  settled(key: string, outcome: Settled | undefined): void {
    if (parseKey(key).kind === 'setting') return;
    if (outcome?.state === 'synced') this.#learn(key);
    else if (outcome === undefined || (outcome.state === 'refused' && outcome.reason !== 'UserDisabled'))
      this.#known.remove(key, performance.now());
    else return;
    this.#forgetApi(key);
    this.#plan();
  }

  /** The cluster is reached, or is not any more. What it was told of long ago may be forgotten where all deletions are kept. */
  connectionChanged(): void {
    const { management, deletions } = this.#deps.seen;
    const owed = { owed: this.#debts(), apis: this.#apis };
    for (const [source, sinceMs] of owedOf(owed, management)) deletions.add(source, sinceMs);
    this.#plan();
  }

  /** Nothing of ours is left there. */
  clear(): void {
    const nowMs = performance.now();
    for (const key of this.keys()) {
      for (const drift of [this.#known, this.#owed, this.#ofGroups]) drift.remove(key, nowMs);
    }
    this.#apis.clear();
    this.#plan();
  }

  /** All of it is to be written: what stands there went back to an earlier state, with the management plane. */
  writeAnew(): void {
    this.#isOutdated = true;
    this.#plan();
  }

  /** Writes at once what would be written in its own time. */
  async writeDown(): Promise<void> {
    await this.#writing;
    if (this.#isStopped || this.#dueMs(performance.now()) === undefined) return;
    clearTimeout(this.#timer);
    this.#writing = this.#write();
    await this.#writing;
  }

  /** Writes no more; resolves when nothing is under way. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#latelyTimer);
    await this.#writing;
  }

  /** The key stands for what is there. */
  #learn(key: string): void {
    const { cluster, seen, now } = this.#deps;
    this.#known.add(key, performance.now());
    const { kind, name } = parseKey(key);
    const api = kind === 'token' ? seen.management.token(name, cluster, now())?.api : undefined;
    if (api === undefined || api === this.#apis.get(key)) return;
    // Of a key that is written already, nothing else would say so.
    this.#isOutdated ||= !this.#known.added.has(key);
    this.#apis.set(key, api);
  }

  #forgetApi(key: string): void {
    if (!this.has(key)) this.#apis.delete(key);
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#isWriting || this.#isStopped) return;
    const nowMs = performance.now();
    const due = this.#dueMs(nowMs);
    if (due === undefined) return;
    const pauseMs = this.#failures > 0 ? backoffMs(this.#failures, 1_000, RETRY_MAX_MS) : MIN_INTERVAL_MS;
    const delayMs = Math.max(0, due - nowMs, this.#wroteAtMs + pauseMs - nowMs);
    this.#timer = setTimeout(() => {
      this.#writing = this.#write();
    }, delayMs);
  }

  #dueMs(nowMs: number): number | undefined {
    const [known, isAway] = [this.#known, this.#deps.isAway()];
    const due = earliest([this.#owed, this.#ofGroups].map((owed) => dueMs({ owed, known, isAway })));
    const hasCalmed = this.#latelyWritten >= MANY_AT_ONCE && this.#lately === 0;
    const isOther = this.#isUnread || this.#isOutdated || this.#planeWritten !== this.#deps.earlier.plane;
    return due ?? (hasCalmed || isOther ? nowMs + PAID_MS : undefined);
  }

  async #write(): Promise<void> {
    const { cluster, log } = this.#deps;
    this.#isWriting = true;
    try {
      await this.#readLate();
      await this.#writeWhole();
      this.#failures = 0;
    } catch (error) {
      this.#isOutdated = true;
      this.#failures += 1;
      if (!(error instanceof FencedError)) log.warn('owed revocations not written down', { cluster, error });
    } finally {
      this.#isWriting = false;
      this.#wroteAtMs = performance.now();
      this.#plan();
    }
  }

  async #writeWhole(): Promise<void> {
    const { cluster, earlier, now } = this.#deps;
    const { plane } = earlier;
    const owed = this.#debts();
    const groups = new Set(ofGroups(owed));
    const known = new Set(this.#known.keys);
    const lately = this.#lately;
    const apis = new Map(this.#apis);
    this.#isOutdated = false;
    await this.#save({ cluster, plane, owed, known, apis, lately, atMs: now() });
    this.#owed.wrote(new Set(owed.keys()), performance.now());
    this.#ofGroups.wrote(groups, performance.now());
    this.#known.wrote(known, performance.now());
    this.#latelyWritten = lately;
    this.#planeWritten = plane;
  }

  #debts(): ReadonlyMap<string, Debt> {
    const owed = new Map<string, Debt>();
    for (const key of this.#owed.keys) {
      const debt = this.#deps.ledger.debtOf(key);
      if (debt) owed.set(key, debt);
    }
    return owed;
  }

  async #save(record: Parameters<DebtRecords['save']>[0]): Promise<void> {
    const { cluster, records, log } = this.#deps;
    if (record.owed.size + record.known.size === 0) return records.remove(cluster);
    const dropped = await records.save(record);
    if (dropped > 0) {
      log.warn('record of owed revocations is full', {
        cluster,
        count: dropped,
        detail: 'after a restart the brake decides about these',
      });
    }
  }
}
