import { backoffMs, pause } from '../../kube/backoff.ts';
import type { Reader } from '../../kube/client.ts';
import type { Refusals } from '../../kube/refusals.ts';
import type { Log } from '../../telemetry/log.ts';
import { sourceKey } from '../keys.ts';
import type { DebtRecords, FoundRecord } from './debt-records.ts';
import type { SeenUpstream } from './judge-known.ts';
import { deletedBefore, type Plane, readPlane } from './plane.ts';

export interface EarlierDeletionsDeps {
  readonly records: Pick<DebtRecords, 'found'>;
  readonly seen: SeenUpstream;
  /** Of those who ask the plane who it is. */
  readonly refusals: Refusals;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** Those that are worked on. */
  clusters(): Iterable<JudgedCluster>;
}

interface JudgedCluster {
  readonly name: string;
  readonly debts: { judgeKnown(): void; putBack(): void };
  rulesChanged(): void;
}

const EXT = sourceKey('', 'ext');
const ASK_AGAIN_BASE_MS = 1_000;
const ASK_AGAIN_MAX_MS = 60_000;

/** What earlier processes saw being deleted, as their records tell: evidence for this one, too. */
export class EarlierDeletions {
  readonly #deps: EarlierDeletionsDeps;
  #plane: Plane = { identity: '', resourceVersion: '' };
  /** The plane is as it was asked, and as the records know it. */
  #isCurrent = false;
  #isAsking = false;

  constructor(deps: EarlierDeletionsDeps) {
    this.#deps = deps;
  }

  /** Identity of the management plane, as it was told last in this term; '' while it was not. */
  get plane(): string {
    return this.#plane.identity;
  }

  /** The plane told who it is, and how far it has come, when it was asked last. Else nothing that is merely absent can be judged. */
  get isTold(): boolean {
    return this.#plane.resourceVersion !== '';
  }

  /** Asks the plane who it is. Where it does not say, it is the one that it was: another one in its place is noticed elsewhere. @throws as {@link readPlane} */
  async ask(client: Reader): Promise<void> {
    const { identity, resourceVersion } = await readPlane(client, this.#deps.refusals);
    this.#plane = identity === '' ? { ...this.#plane, resourceVersion: '' } : { identity, resourceVersion };
  }

  /** The same, and remembers. Call after the lists, of which its version must not be older. @throws as {@link readPlane} */
  async read(client: Reader): Promise<void> {
    await this.ask(client);
    this.#isCurrent = true;
    if (!this.isTold) {
      const detail = 'what was deleted while no replica ran is left to the brake until it does';
      this.#deps.log.warn('management plane does not say who it is', { detail });
    }
    this.#remember(this.#deps.records.found);
  }

  /** Where the plane was not told: asks again and again until it is, or `signal` says so, and judges what could not be. */
  async untilTold(client: Reader, signal: AbortSignal): Promise<void> {
    if (this.isTold || this.#isAsking) return;
    this.#isAsking = true;
    for (let failures = 1; !this.isTold && !signal.aborted; failures += 1) {
      await pause(backoffMs(failures, ASK_AGAIN_BASE_MS, ASK_AGAIN_MAX_MS), signal);
      // Whatever it is, it is tried again.
      await this.ask(client).catch(() => {});
    }
    this.#isAsking = false;
    if (signal.aborted) return;
    this.#remember(this.#deps.records.found);
    this.#judge(() => true);
  }

  /** A record that could not be read with the others: what it knows is judged, and its cluster looked at whole. */
  foundLate(found: FoundRecord): void {
    this.#remember([found]);
    this.#judge(({ name }) => name === found.record.cluster);
  }

  /** Tokens of `ext.cattle.io`, that work began without, were read: which of them are absent can be judged. */
  readAtLast(): void {
    this.#remember(this.#deps.records.found, (source) => source.startsWith(EXT));
    this.#judge(() => true);
  }

  /** The plane was put back, and the records with it: what is absent from here on was deleted by nobody, as far as they tell. */
  putBack(): void {
    this.#isCurrent = false;
    for (const { debts } of this.#deps.clusters()) debts.putBack();
  }

  #judge(isMeant: (cluster: JudgedCluster) => boolean): void {
    for (const cluster of this.#deps.clusters()) {
      if (!isMeant(cluster)) continue;
      cluster.debts.judgeKnown();
      cluster.rulesChanged();
    }
  }

  #remember(found: readonly FoundRecord[], isMeant: (source: string) => boolean = () => true): void {
    const { seen, now, log } = this.#deps;
    if (!this.#isCurrent) return;
    const gone = [...deletedBefore(found, this.#plane, seen.management, now())].filter(([key]) =>
      isMeant(key),
    );
    for (const [key, sinceMs] of gone) seen.deletions.add(key, sinceMs);
    if (gone.length > 0) log.info('deletions of earlier are remembered', { count: gone.length });
  }
}
