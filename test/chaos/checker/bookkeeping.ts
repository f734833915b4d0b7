import type { ProgramWrite } from '../messages.ts';

const STATUSES_OF_AWAY = 2;

/**
 * The writes that are meant in the silent minute. The list of what could be owed to a cluster may follow two minutes after its last
 * change, once. A cluster that nobody reaches has something new to tell: when it will be tried next.
 */
export class Bookkeeping {
  readonly #away: readonly string[];
  readonly #counts = new Map<string, number>();

  constructor(away: readonly string[]) {
    this.#away = away;
  }

  /** Each is counted: asked twice about one write, it says that there were two. */
  allows({ plane, path }: ProgramWrite): boolean {
    const [what = ''] = path.split('?');
    const ofAway = this.#away.some((id) => what.endsWith(`/clusterpropagations/${id}/status`));
    if (plane !== 'management' || (!ofAway && !what.includes('/configmaps/ace-operator-debts-')))
      return false;
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    return count <= (ofAway ? STATUSES_OF_AWAY : 1);
  }
}
