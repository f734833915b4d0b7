import type { ProgramWrite } from '../messages.ts';

const STATUSES_OF_AWAY = 2;

/**
 * The writes that are meant in the silent minute. When a token was last used is written five minutes after it was written before, so that of
 * a use before the silence may still come, once. The list of what could be owed to a cluster may follow two minutes after its last
 * change, once. A cluster that nobody reaches has something new to tell: when it will be tried next.
 */
export class Bookkeeping {
  readonly #away: readonly string[];
  readonly #counts = new Map<string, number>();

  constructor(away: readonly string[]) {
    this.#away = away;
  }

  /** Each is counted: asked twice about one write, it says that there were two. */
  allows(write: ProgramWrite, silentSinceMs: number): boolean {
    const { plane, path } = write;
    const [what = ''] = path.split('?');
    if (isLastUse(write, silentSinceMs)) return this.#isWithin(`${plane}${what}`, 1);
    const ofAway = this.#away.some((id) => what.endsWith(`/clusterpropagations/${id}/status`));
    if (plane !== 'management' || (!ofAway && !what.includes('/configmaps/ace-operator-debts-')))
      return false;
    return this.#isWithin(`${plane}${what}`, ofAway ? STATUSES_OF_AWAY : 1);
  }

  #isWithin(what: string, most: number): boolean {
    const count = (this.#counts.get(what) ?? 0) + 1;
    this.#counts.set(what, count);
    return count <= most;
  }
}

/** That a token was used before that moment, and nothing else of it. */
function isLastUse({ path, body, method }: ProgramWrite, beforeMs: number): boolean {
  if (method !== 'PATCH' || !/\/(clusterauthtokens|tokens)\/[^/]+$/.test(path.split('?')[0] ?? ''))
    return false;
  const { lastUsedAt, metadata = {}, ...rest } = JSON.parse(body);
  const { uid: _, ...changed } = metadata;
  return Object.keys({ ...rest, ...changed }).length === 0 && Date.parse(lastUsedAt) <= beforeMs;
}
