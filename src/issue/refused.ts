import { pause } from '../kube/backoff.ts';
import type { DownstreamPlane } from '../plane/downstream.ts';
import { after, type Reading } from '../plane/reading.ts';

const POLL_MS = 500;

/** Tokens that are to be refused, by the management id of their cluster. */
export type TokensByCluster = ReadonlyMap<string, readonly string[]>;

/** Of one cluster: those that it would still take; or why that is not known. */
export type StillAccepted = Reading<readonly string[]>;

export interface RefusalWatch {
  /** Milliseconds since the epoch. */
  readonly deadlineMs: number;
  now(): number;
  /** Ends the waiting, as if the time were up. */
  readonly interruption: AbortSignal;
  open(cluster: string): Promise<Reading<DownstreamPlane>>;
  /** How many are left, whenever somebody looked. */
  tell(left: number): void;
}

/**
 * Waits until no cluster would take these tokens any more: no enabled ClusterAuthToken of that name, by whomever it was
 * written. What an API server remembers of an earlier answer is not seen.
 *
 * @returns for each cluster what is left when the time is up; nothing left is an empty list
 */
export async function untilRefused(
  tokens: TokensByCluster,
  watch: RefusalWatch,
): Promise<ReadonlyMap<string, StillAccepted>> {
  const left = new Map([...tokens].map(([cluster, names]) => [cluster, names.length]));
  const entries = [...tokens].map(async ([cluster, names]): Promise<[string, StillAccepted]> => {
    const opened = await watch.open(cluster);
    const result = await after(opened, (plane) =>
      follow(plane, names, watch, (count) => {
        left.set(cluster, count);
        watch.tell([...left.values()].reduce((sum, one) => sum + one, 0));
      }),
    );
    if (opened.ok) await opened.value.close();
    return [cluster, result];
  });
  return new Map(await Promise.all(entries));
}

async function follow(
  plane: DownstreamPlane,
  names: readonly string[],
  watch: RefusalWatch,
  tell: (left: number) => void,
): Promise<StillAccepted> {
  for (;;) {
    const accepted = await acceptedNames(plane, names);
    if (accepted.ok) tell(accepted.value.length);
    const isOver = watch.interruption.aborted || watch.now() + POLL_MS > watch.deadlineMs;
    if (isOver || (accepted.ok && accepted.value.length === 0)) return accepted;
    await pause(POLL_MS, watch.interruption);
  }
}

async function acceptedNames(plane: DownstreamPlane, names: readonly string[]): Promise<StillAccepted> {
  const present = await plane.clusterAuthTokens();
  if (!present.ok) return present.failure.reason === 'KindMissing' ? { ok: true, value: [] } : present;
  const enabled = new Set(
    present.value.filter(({ parsed }) => parsed.enabled).map(({ parsed }) => parsed.name),
  );
  return { ok: true, value: names.filter((name) => enabled.has(name)) };
}
