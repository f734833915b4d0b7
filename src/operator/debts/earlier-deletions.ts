import type { Reader } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';
import { sourceKey } from '../keys.ts';
import type { DebtRecords, FoundRecord } from './debt-records.ts';
import type { SeenUpstream } from './judge-known.ts';
import { deletedBefore, type Plane, readPlane } from './plane.ts';

export interface EarlierDeletionsDeps {
  readonly records: Pick<DebtRecords, 'found'>;
  readonly seen: SeenUpstream;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** Those that are worked on. */
  clusters(): Iterable<JudgedCluster>;
}

interface JudgedCluster {
  readonly name: string;
  readonly debts: { judgeKnown(): void; writeAnew(): void };
  rulesChanged(): void;
}

const EXT = sourceKey('', 'ext');

/** What earlier processes saw being deleted, as their records tell: evidence for this one, too. */
export class EarlierDeletions {
  readonly #deps: EarlierDeletionsDeps;
  #plane: Plane = { identity: '', resourceVersion: '' };
  /** The plane is as it was asked, and as the records know it. */
  #isCurrent = false;

  constructor(deps: EarlierDeletionsDeps) {
    this.#deps = deps;
  }

  /** Of the management plane that was asked last; '' when that cannot be told. */
  get plane(): string {
    return this.#plane.identity;
  }

  /** Asks the plane who it is, and remembers. Call after the lists, of which its version must not be older. @throws as {@link readPlane} */
  async read(client: Reader): Promise<void> {
    this.#plane = await readPlane(client);
    this.#isCurrent = true;
    this.#remember(this.#deps.records.found);
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
    for (const { debts } of this.#deps.clusters()) debts.writeAnew();
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
