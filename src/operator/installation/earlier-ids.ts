import { LRUCache } from 'lru-cache';
import { CLUSTERS, isObjectName } from '../../api/names.ts';
import { upTo } from '../../growing-cache.ts';
import type { Reader } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';

/** Who writes in a cluster may make up ids: far more than any cluster ever had, and no more. */
const MAX_ASKED = 100;
const MAX_GONE = 50_000;
/** Of all clusters: the connections to the management plane are for revocations. */
const MAX_AT_A_TIME = 4;

/**
 * Cluster ids that are no more. What was written for a Cluster that does not exist is owed, as in a drain: a registration under
 * another id pays it, and no brake asks whether its Tokens are absent for a good reason.
 */
export class EarlierIds {
  readonly #live: Pick<Reader, 'get'>;
  readonly #log: Log;
  readonly #gone = new LRUCache<string, true>(upTo(MAX_GONE));
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(live: Pick<Reader, 'get'>, log: Log) {
    this.#live = live;
    this.#log = log;
  }

  /** True once a live read said that no Cluster has that id. */
  isGone(id: string): boolean {
    return this.#gone.get(id) ?? false;
  }

  /** The Cluster of that id is there, or there again. */
  forget(id: string): void {
    this.#gone.delete(id);
  }

  /**
   * Asks about ids that were not found to be gone before, one after the other: what they are was read in a cluster, and may be made
   * up there. Beyond {@link MAX_ASKED} they wait for the next time; what can be no Cluster's is never asked about.
   *
   * @returns whether one was found to be gone now. No answer is no evidence: the next sweep asks again.
   */
  async ask(ids: Iterable<string>): Promise<boolean> {
    const unknown = [...ids].filter((id) => isObjectName(id) && !this.isGone(id));
    let isNews = false;
    for (const id of unknown.slice(0, MAX_ASKED)) {
      await this.#turn();
      if (await this.#ask(id)) isNews = true;
      this.#next();
    }
    return isNews;
  }

  async #ask(id: string): Promise<boolean> {
    try {
      const isGone = (await this.#live.get({ resource: CLUSTERS, name: id })) === undefined;
      if (isGone) this.#gone.set(id, true);
      return isGone;
    } catch (error) {
      this.#log.warn('earlier cluster id not looked up', { cluster: id, error });
      return false;
    }
  }

  /** In the order in which they came: each cluster waits with one id at most. */
  async #turn(): Promise<void> {
    if (this.#running < MAX_AT_A_TIME) this.#running += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever waits takes the place of the one that is done. */
  #next(): void {
    const next = this.#waiting.shift();
    if (next) next();
    else this.#running -= 1;
  }
}
