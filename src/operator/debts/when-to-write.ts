import { type Drift, oldestOf } from './drift.ts';
import { MANY_AT_ONCE, UNSEEN_LIMIT } from './plane.ts';

/** What the cluster takes away within this time is never written down. */
export const DEBT_MS = 1_000;
/** How long what is paid may stand there. */
export const PAID_MS = 2_000;
const MANY_MS = 2_000;
/** As few as the brake lets pass anyway need no haste. */
const FEW_MS = 120_000;

export interface Unwritten {
  readonly owed: Pick<Drift, 'added' | 'removed'>;
  readonly known: Pick<Drift, 'added' | 'removed'>;
  /** The cluster is not connected: what is owed now may be owed for long. */
  readonly isAway: boolean;
}

/**
 * When a record is to be written, in milliseconds of the clock that the keys were entered by; what is past: at once; undefined: nothing to write.
 *
 * At once when several are owed, for a process may end amid a thousand, or when the cluster is away. Otherwise a revocation
 * gets a second to be carried out, so that a cluster that answers costs no write for a token.
 */
export function dueMs({ owed, known, isAway }: Unwritten): number | undefined {
  const isHasty = isAway || owed.added.size >= MANY_AT_ONCE;
  const isMany = Math.max(known.added.size, known.removed.size) > UNSEEN_LIMIT;
  const ofKnown = isAway ? 0 : isMany ? MANY_MS : FEW_MS;
  const due = [
    after(owed.added, isHasty ? 0 : DEBT_MS),
    after(owed.removed, PAID_MS),
    after(known.added, ofKnown),
    after(known.removed, ofKnown),
  ];
  return earliest(due);
}

/** undefined where there is none. */
export function earliest(times: readonly (number | undefined)[]): number | undefined {
  const known = times.filter((ms) => ms !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}

function after(keys: ReadonlyMap<string, number>, delayMs: number): number | undefined {
  const oldestMs = oldestOf(keys);
  return oldestMs === undefined ? undefined : oldestMs + delayMs;
}
