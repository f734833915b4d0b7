import type { Token } from '../../api/types.ts';
import { FencedError } from '../../errors.ts';
import type { Log } from '../../telemetry/log.ts';
import { parseKey } from '../keys.ts';
import { EXT_TOKENS_WATCH } from '../upstream/management.ts';
import { type Debt, type DebtRecord, type Ledger, ofGroups } from './debt-record.ts';
import type { DebtRecords } from './debt-records.ts';
import { Drift, dueMs, earliest, PAID_MS } from './drift.ts';
import type { EarlierDeletions } from './earlier-deletions.ts';
import { isStillOwed, type SeenUpstream, standingOf } from './judge-known.ts';
import { PacedWrite } from './paced-write.ts';
import { isOfPlane, knownIn, MANY_AT_ONCE, owedOf, planeOfKnown } from './plane.ts';

export interface DebtKeeperDeps {
  readonly cluster: KeptCluster;
  readonly records: DebtRecords;
  readonly seen: SeenUpstream;
  readonly ledger: Ledger;
  readonly earlier: EarlierDeletions;
  readonly log: Log;
  /** Milliseconds since the epoch. What is paced here is by a clock that nobody sets. */
  readonly now: () => number;
}

/** The cluster that a record is about. */
export interface KeptCluster {
  readonly name: string;
  isAway(): boolean;
  /** It has, or may have, what the key stands for: from now on changes of that concern it. */
  keyKnown(key: string): void;
}

/** What became of a key; the fields that matter here. */
type Settled = { readonly state: string; readonly reason?: string | undefined; readonly letsIn?: boolean };

const LATELY_MS = 60_000;

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
  /** Since when what is written is to be written otherwise, though no key says so. */
  #otherSinceMs: number | undefined;
  readonly #restored: DebtRecord | undefined;
  /** A record whose absent keys nobody can judge yet. What the next one judges them by has to stay as it was. */
  #unjudged: DebtRecord | undefined;
  /** What is in the record is not known. */
  #isUnread: boolean;
  /** Deletions that were told, since the last minute in which there was none. */
  #told = 0;
  /** When all that is known was there, as far as that could be seen; milliseconds since the epoch. */
  #atMs: number;
  #latelyWritten: number;
  #planeWritten: string;
  #latelyTimer: NodeJS.Timeout | undefined;
  readonly #writer = new PacedWrite({ dueMs: (nowMs) => this.#dueMs(nowMs), write: () => this.#write() });

  constructor(deps: DebtKeeperDeps) {
    this.#deps = deps;
    const { records, earlier, cluster } = deps;
    const found = records.foundOf(cluster.name);
    this.#isUnread = records.isUnread;
    // A record that came here from another plane tells nothing about this one.
    this.#restored = found && isOfPlane(found, earlier.plane) ? found : undefined;
    this.#unjudged = this.#toBeJudged(this.#restored);
    this.#owed = new Drift(this.#restored?.owed.keys());
    this.#ofGroups = new Drift(ofGroups(this.#restored?.owed ?? new Map()));
    this.#known = new Drift(this.#restored && knownIn(this.#restored, earlier.plane));
    this.#apis = new Map(found?.apis);
    this.#atMs = this.#restored?.atMs ?? deps.now();
    this.#latelyWritten = found?.lately ?? 0;
    this.#planeWritten = found?.plane ?? earlier.plane;
  }

  /** Takes over what earlier processes knew: what is owed still, and what has to go of what they left there. */
  restore(): void {
    this.#restoreOwed(this.#restored);
    this.judgeKnown();
  }

  /** What has to go of what earlier processes left there, by what is read and remembered now. */
  judgeKnown(): void {
    const { cluster, seen, ledger, now, earlier } = this.#deps;
    if (earlier.isTold) this.#endUnjudged();
    const known = { cluster: cluster.name, apis: this.#apis, nowMs: now() };
    for (const key of [...this.#known.keys]) {
      const standing = standingOf(key, known, seen);
      if (standing === 'token' || standing === 'user') ledger.owe(key, { sinceMs: now(), cause: standing });
      else if (standing === 'unseen' && !this.#unjudged) this.unlearn(key);
    }
    this.#writer.plan();
  }

  /** Where the plane does not say who it is, a record that says of which it is waits for one that knows. */
  #toBeJudged(record: DebtRecord | undefined): DebtRecord | undefined {
    return this.#deps.earlier.isTold || !(record && planeOfKnown(record)) ? undefined : record;
  }

  #endUnjudged(): void {
    const record = this.#unjudged;
    this.#unjudged = undefined;
    if (record && knownIn(record, this.#deps.earlier.plane) !== record.known)
      for (const key of [...this.#known.keys]) this.unlearn(key);
  }

  #restoreOwed(record: DebtRecord | undefined): void {
    const { cluster, seen, ledger } = this.#deps;
    for (const key of this.keys()) cluster.keyKnown(key);
    for (const [key, debt] of record?.owed ?? []) {
      if (isStillOwed(key, debt, seen.management)) ledger.owe(key, debt);
      else this.debtChanged(key, undefined);
    }
  }

  /** Before it is written for the first time. @throws {ConnectionError | ApiError} while it cannot be read */
  async #readLate(): Promise<void> {
    const { cluster, records, earlier } = this.#deps;
    if (!this.#isUnread) return;
    const found = await records.read(cluster.name);
    this.#isUnread = false;
    if (!found || !isOfPlane(found.record, earlier.plane)) return;
    this.#takeOver(found.record);
    earlier.foundLate(found);
  }

  #takeOver(record: DebtRecord): void {
    this.#unjudged = this.#toBeJudged(record);
    // As if it had been there from the start: see #learn.
    if (this.#unjudged) for (const key of this.#known.keys) if (!record.known.has(key)) this.unlearn(key);
    for (const key of knownIn(record, this.#deps.earlier.plane)) this.#known.add(key, 0);
    this.#atMs = Math.min(this.#atMs, record.atMs ?? this.#atMs);
    for (const [key, api] of record.apis) if (!this.#apis.has(key)) this.#apis.set(key, api);
    this.#restoreOwed(record);
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
    this.#told += 1;
    clearTimeout(this.#latelyTimer);
    this.#latelyTimer = setTimeout(() => {
      this.#told = 0;
      this.#writer.plan();
    }, LATELY_MS);
    this.#latelyTimer.unref();
  }

  /** This is owed from now on under a key, also where less was before; undefined: nothing any more. */
  debtChanged(key: string, debt: Debt | undefined): void {
    const nowMs = performance.now();
    this.#owed.set(key, debt !== undefined, nowMs);
    this.#ofGroups.set(key, debt?.isOfGroups ?? false, nowMs);
    this.#forgetApi(key);
    this.#writer.plan();
  }

  /** Nobody saw its source being deleted: the brake decides about it, here and in the next process. */
  unlearn(key: string): void {
    this.#known.remove(key, performance.now());
    this.#forgetApi(key);
    this.#writer.plan();
  }

  /** Where a key stands in the cluster now; undefined: nothing of it is left. */
  settled(key: string, outcome: Settled | undefined): void {
    if (parseKey(key).kind === 'setting') return;
    if (outcome?.state === 'synced' || outcome?.letsIn) this.#learn(key);
    else if (outcome === undefined || (outcome.state === 'refused' && outcome.reason !== 'UserDisabled'))
      this.#known.remove(key, performance.now());
    else return;
    this.#forgetApi(key);
    this.#writer.plan();
  }

  /** The cluster is reached, or is not any more. What it was told of long ago may be forgotten where all deletions are kept. */
  connectionChanged(): void {
    const { management, deletions } = this.#deps.seen;
    const owed = { owed: this.#debts(), apis: this.#apis };
    for (const [source, sinceMs] of owedOf(owed, management)) deletions.add(source, sinceMs);
    this.#writer.plan();
  }

  /** Nothing of ours is left there. */
  clear(): void {
    for (const key of this.keys())
      for (const drift of [this.#known, this.#owed, this.#ofGroups]) drift.remove(key, performance.now());
    this.#apis.clear();
    this.#writer.plan();
  }

  /** All of it is to be written: what stands there went back to an earlier state, or is gone. */
  writeAnew(): void {
    this.#isOutdated = true;
    this.#writer.plan();
  }

  /** The plane went back to an earlier state: of what is absent nobody will ever know more. */
  putBack(): void {
    const wasUnjudged = this.#unjudged !== undefined;
    this.#unjudged = undefined;
    if (wasUnjudged) this.judgeKnown();
    this.writeAnew();
  }

  /** Writes at once what would be written in its own time. */
  writeDown(): Promise<void> {
    return this.#writer.writeDown();
  }

  /** Writes no more; resolves when nothing is under way. */
  stop(): Promise<void> {
    clearTimeout(this.#latelyTimer);
    return this.#writer.stop();
  }

  /** The key stands for what is there. */
  #learn(key: string): void {
    const { cluster, seen, now } = this.#deps;
    // What is absent would become the smaller part of what was known, and by that alone count as deleted.
    if (this.#unjudged && !this.#known.keys.has(key)) return;
    this.#known.add(key, performance.now());
    const { kind, name } = parseKey(key);
    const api = kind === 'token' ? seen.management.token(name, cluster.name, now())?.api : undefined;
    if (api === undefined || api === this.#apis.get(key)) return;
    // Of a key that is written already, nothing else would say so.
    this.#isOutdated ||= !this.#known.added.has(key);
    this.#apis.set(key, api);
  }

  #forgetApi(key: string): void {
    if (!this.has(key)) this.#apis.delete(key);
  }

  get #lately(): number {
    return this.#unjudged?.lately ?? this.#told;
  }

  #dueMs(nowMs: number): number | undefined {
    const [known, isAway] = [this.#known, this.#deps.cluster.isAway()];
    const due = [this.#owed, this.#ofGroups].map((owed) => dueMs({ owed, known, isAway }));
    const isOfOther = !this.#unjudged && this.#planeWritten !== this.#deps.earlier.plane;
    const hasCalmed = this.#latelyWritten >= MANY_AT_ONCE && this.#lately === 0;
    const isOther = hasCalmed || this.#isUnread || this.#isOutdated || isOfOther;
    // From when it was first so: where something happens all the time, it would never be due.
    this.#otherSinceMs = isOther ? (this.#otherSinceMs ?? nowMs) : undefined;
    return earliest([...due, this.#otherSinceMs === undefined ? undefined : this.#otherSinceMs + PAID_MS]);
  }

  async #write(): Promise<void> {
    const { cluster, log } = this.#deps;
    try {
      await this.#readLate();
      await this.#writeWhole();
    } catch (error) {
      this.#isOutdated = true;
      if (!(error instanceof FencedError)) {
        log.warn('owed revocations not written down', { cluster: cluster.name, error });
      }
      throw error;
    }
  }

  async #writeWhole(): Promise<void> {
    const { cluster, records, seen, now } = this.#deps;
    const [plane, lately] = [this.#deps.earlier.plane, this.#lately];
    // What is left to another process to judge is left under its plane.
    const knownPlane = this.#unjudged && planeOfKnown(this.#unjudged);
    const of = { cluster: cluster.name, plane, knownPlane };
    const [owed, known, apis] = [this.#debts(), new Set(this.#known.keys), new Map(this.#apis)];
    if (!this.#unjudged && !seen.management.unread.has(EXT_TOKENS_WATCH)) this.#atMs = now();
    this.#isOutdated = false;
    await records.save({ ...of, owed, known, apis, lately, atMs: this.#atMs });
    this.#owed.wrote(new Set(owed.keys()), performance.now());
    this.#ofGroups.wrote(new Set(ofGroups(owed)), performance.now());
    this.#known.wrote(known, performance.now());
    this.#latelyWritten = lately;
    this.#planeWritten = plane;
  }

  #debts(): ReadonlyMap<string, Debt> {
    const debts = [...this.#owed.keys].map((key) => [key, this.#deps.ledger.debtOf(key)] as const);
    return new Map(debts.flatMap(([key, debt]) => (debt ? [[key, debt] as const] : [])));
  }
}
