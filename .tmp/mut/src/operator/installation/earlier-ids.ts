import { CLUSTERS } from '../../api/names.ts';
import type { Reader } from '../../kube/client.ts';
import type { Log } from '../../telemetry/log.ts';

/**
 * Cluster ids that are no more. What was written for a Cluster that does not exist is owed, as in a drain: a registration under
 * another id pays it, and no brake asks whether its Tokens are absent for a good reason.
 */
export class EarlierIds {
  readonly #live: Pick<Reader, 'get'>;
  readonly #log: Log;
  readonly #gone = new Set<string>();

  constructor(live: Pick<Reader, 'get'>, log: Log) {
    this.#live = live;
    this.#log = log;
  }

  /** True once a live read said that no Cluster has that id. */
  isGone(id: string): boolean {
    return this.#gone.has(id);
  }

  /** The Cluster of that id is there, or there again. */
  forget(id: string): void {
    this.#gone.delete(id);
  }

  /**
   * Asks about each id that was not found to be gone before.
   *
   * @returns whether one was found to be gone now. No answer is no evidence: the next sweep asks again.
   */
  async ask(ids: Iterable<string>): Promise<boolean> {
    const unknown = [...ids].filter((id) => !this.isGone(id));
    const found = await Promise.all(unknown.map((id) => this.#ask(id)));
    return found.includes(true);
  }

  async #ask(id: string): Promise<boolean> {
    try {
      const isGone = (await this.#live.get({ resource: CLUSTERS, name: id })) === undefined;
      if (isGone) this.#gone.add(id);
      return isGone;
    } catch (error) {
      this.#log.warn('earlier cluster id not looked up', { cluster: id, error });
      return false;
    }
  }
}
