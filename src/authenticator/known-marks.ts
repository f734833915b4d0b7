import { isDeepStrictEqual } from 'node:util';
import type { ClusterState } from './cluster-state.ts';

export interface KnownMarksOptions {
  /** What the credential, or the authorities, say at this moment ({@link clusterMarks}). */
  readonly look: () => Promise<readonly string[]>;
  readonly state: Pick<ClusterState, 'hasSynced' | 'ageMs'>;
  /** A clock that nobody sets; milliseconds. */
  readonly monotonic: () => number;
  /** What is on disk is to be marked anew. */
  readonly onChange?: () => void;
}

/** No watch lives longer: those that tell something then were opened with the credential of now, which their server accepted. */
const WATCH_LIFE_MS = 2 * 60_000;

/**
 * By what the cluster is known while this process runs. A ServiceAccount that is made anew has another UID, and its Pods go on with it:
 * what they write has to be found by a successor, which knows no other one.
 *
 * Once everything was told, other marks count only when all of it was confirmed to who shows them. Until then it may be of the cluster
 * before, to which they do not belong.
 */
export class KnownMarks {
  readonly #options: KnownMarksOptions;
  #counting: readonly string[] | undefined;
  #other: { readonly marks: readonly string[]; readonly sinceMs: number } | undefined;

  constructor(options: KnownMarksOptions) {
    this.#options = options;
  }

  /** Those that count at this moment. */
  async current(): Promise<readonly string[]> {
    const marks = await this.#options.look();
    const before = this.#counting ?? marks;
    const isOther = !isDeepStrictEqual(marks, before);
    if (isOther && !this.#mayCount(marks)) return before;
    this.#other = undefined;
    this.#counting = marks;
    if (isOther) this.#options.onChange?.();
    return marks;
  }

  #mayCount(marks: readonly string[]): boolean {
    const { state, monotonic } = this.#options;
    if (!state.hasSynced) return true;
    if (this.#other === undefined || !isDeepStrictEqual(marks, this.#other.marks)) {
      this.#other = { marks, sinceMs: monotonic() };
    }
    return state.ageMs !== undefined && monotonic() - state.ageMs >= this.#other.sinceMs + WATCH_LIFE_MS;
  }
}
