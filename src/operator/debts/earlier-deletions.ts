import type { Reader } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';
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
  readonly debts: { judgeKnown(): void };
  rulesChanged(): void;
}

/** What earlier processes saw being deleted, as their records tell: evidence for this one, too. */
export class EarlierDeletions {
  readonly #deps: EarlierDeletionsDeps;
  #plane: Plane = { identity: '', resourceVersion: '' };

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
    this.remember();
  }

  /** A record that could not be read with the others: what it knows is judged, and its cluster looked at whole. */
  foundLate(found: FoundRecord): void {
    this.remember([found]);
    this.#judge(({ name }) => name === found.record.cluster);
  }

  /** A kind that work began without was read: what is absent of it can be judged. */
  readAtLast(): void {
    this.remember();
    this.#judge(() => true);
  }

  #judge(isMeant: (cluster: JudgedCluster) => boolean): void {
    for (const cluster of this.#deps.clusters()) {
      if (!isMeant(cluster)) continue;
      cluster.debts.judgeKnown();
      cluster.rulesChanged();
    }
  }

  /** What is known by now, of these records. */
  remember(found: readonly FoundRecord[] = this.#deps.records.found): void {
    const { seen, now, log } = this.#deps;
    const gone = deletedBefore(found, this.#plane, seen.management, now());
    for (const [key, sinceMs] of gone) seen.deletions.add(key, sinceMs);
    if (gone.size > 0) log.info('deletions of earlier are remembered', { count: gone.size });
  }
}
