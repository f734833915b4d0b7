import type { Connection } from '../../clusters/connection.ts';
import type { Mode } from '../../derive/cluster-facts.ts';
import { backoffMs } from '../../kube/backoff.ts';
import type { Notice } from '../decide/plan.ts';
import type { WorkQueue } from '../queue/workqueue.ts';
import type { ClusterSettings } from '../upstream/cluster-settings.ts';
import type { Sweeper } from './sweeper.ts';

export interface DrainedCluster {
  readonly queue: Pick<WorkQueue, 'isIdle'>;
  readonly connection: Connection | undefined;
}

export interface DrainDeps {
  /** Looks whether anything of ours is there; undefined where there is no way to look. @throws when it is not reached */
  holdsOurs(): Promise<boolean | undefined>;
  /** Something is there after all: it is to be drained once more. */
  disproved(): void;
}

const DAY_MS = 24 * 60 * 60_000;
const HOUR_MS = 60 * 60_000;
const RETRY_BASE_MS = 5_000;

/**
 * When one cluster counts as drained.
 *
 * A status that says so is the word of an earlier process, perhaps out of a backup: it spares the cluster a connection, and is
 * checked once by each process, and once a day. So is what this process saw itself: a cluster may be put back, too.
 */
export class Drain {
  readonly #deps: DrainDeps;
  #isDone = false;
  #timer: NodeJS.Timeout | undefined;
  #failures = 0;

  constructor(deps: DrainDeps) {
    this.#deps = deps;
  }

  /** Nothing of ours is left there: seen to be so by us, or by the process before us. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** @param isFirst - the first settings that this process sees: only then is an earlier process's word taken */
  configured({ course, wasDrained }: Pick<ClusterSettings, 'course' | 'wasDrained'>, isFirst: boolean): void {
    if (isFirst && course.mode === 'drain' && wasDrained) {
      this.#isDone = true;
      this.#plan(0);
    }
    if (course.mode !== 'drain') this.#end();
  }

  /**
   * Drained is what was seen to be empty while nothing was under way: a late write would stay there for good.
   *
   * @returns true once, when that is so
   */
  ends(mode: Mode, { queue, connection }: DrainedCluster, { reviewed }: Pick<Sweeper, 'reviewed'>): boolean {
    if (mode !== 'drain' || this.#isDone || !reviewed || !queue.isIdle) return false;
    if (!connection?.observed.isEmpty) return false;
    this.#isDone = true;
    this.#plan(DAY_MS);
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  #end(): void {
    this.#isDone = false;
    clearTimeout(this.#timer);
  }

  #plan(delayMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#check(), delayMs);
    this.#timer.unref();
  }

  async #check(): Promise<void> {
    try {
      const isLeft = await this.#deps.holdsOurs();
      if (!this.#isDone) return;
      this.#failures = 0;
      if (!isLeft) return this.#plan(isLeft === undefined ? HOUR_MS : DAY_MS);
      this.#end();
      this.#deps.disproved();
    } catch {
      this.#failures += 1;
      // A cluster that was drained may well be switched off.
      if (this.#isDone) this.#plan(backoffMs(this.#failures, RETRY_BASE_MS, HOUR_MS));
    }
  }
}

export function drainedNotice(cluster: string): Notice {
  return { reason: 'Drained', message: `Nothing of ours is left in cluster ${cluster}`, warning: false };
}
