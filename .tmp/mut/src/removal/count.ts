import type { Removal, RemovalPlan } from './plan.ts';

const DAY_MS = 86_400_000;

/** How many objects of one cluster go for one reason, by their age. */
export interface RemovalCount {
  readonly cluster: string;
  readonly reason: string;
  readonly objects: number;
  readonly tokens: number;
  readonly underDay: number;
  readonly underWeek: number;
  readonly underMonth: number;
  readonly older: number;
  readonly heldBack: number;
  /** The last time that any of them was used; milliseconds since the epoch. */
  readonly lastUsedAtMs: number | undefined;
}

/** What a plan comes to: one line for each reason. */
export function countRemovals({ cluster, removals }: RemovalPlan, nowMs: number): readonly RemovalCount[] {
  const byReason = Map.groupBy(removals, ({ reason }) => reason);
  return [...byReason]
    .map(([reason, some]) => countOne(cluster, reason, some, nowMs))
    .sort((a, b) => b.objects - a.objects || (a.reason < b.reason ? -1 : 1));
}

function countOne(
  cluster: string,
  reason: string,
  removals: readonly Removal[],
  nowMs: number,
): RemovalCount {
  // An object of unknown age counts as old: nothing says that it is new.
  const ages = removals.map(({ createdAtMs }) => nowMs - (createdAtMs ?? Number.NEGATIVE_INFINITY));
  const between = (from: number, to: number): number =>
    ages.filter((age) => age >= from * DAY_MS && age < to * DAY_MS).length;
  const used = removals.flatMap(({ lastUsedAtMs }) => lastUsedAtMs ?? []);
  return {
    cluster,
    reason,
    objects: removals.length,
    tokens: new Set(removals.flatMap(({ token }) => token ?? [])).size,
    underDay: between(Number.NEGATIVE_INFINITY, 1),
    underWeek: between(1, 7),
    underMonth: between(7, 30),
    older: ages.filter((age) => age >= 30 * DAY_MS).length,
    heldBack: removals.filter(({ heldBack }) => heldBack).length,
    lastUsedAtMs: used.length === 0 ? undefined : used.reduce((a, b) => Math.max(a, b)),
  };
}
