import type { Connection } from '../../clusters/connection.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import type { Sweeper } from './sweeper.ts';
import type { WorkQueue } from './workqueue.ts';

export interface DrainedCluster {
  readonly queue: Pick<WorkQueue, 'isIdle'>;
  readonly connection: Connection | undefined;
}

/** When one cluster counts as drained. */
export class Drain {
  #isDone = false;

  /** Nothing of ours is left there: seen to be so by us, or by the process before us. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** @param isFirst - the first settings that this process sees: only then is an earlier process's word taken */
  configured(settings: Pick<ClusterSettings, 'mode' | 'wasDrained'>, isFirst: boolean): void {
    if (isFirst) this.#isDone = settings.mode === 'drain' && settings.wasDrained;
    if (settings.mode !== 'drain') this.#isDone = false;
  }

  /**
   * Drained is what was seen to be empty while nothing was under way: a late write would stay there for good.
   *
   * @returns true once, when that is so
   */
  ends(
    mode: ClusterSettings['mode'],
    { queue, connection }: DrainedCluster,
    { reviewed }: Pick<Sweeper, 'reviewed'>,
  ): boolean {
    if (mode !== 'drain' || this.#isDone || !reviewed || !queue.isIdle) return false;
    if (!connection?.observed.isEmpty) return false;
    this.#isDone = true;
    return true;
  }
}
