import { pause } from '../../kube/backoff.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { DownstreamPlane } from '../../plane/downstream.ts';
import { after, type Reading } from '../../plane/reading.ts';

const POLL_MS = 500;
/** Clusters are many; each is looked at in its turn. */
const AT_ONCE = 16;

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
  const waiting = new Map(tokens);
  const results = new Map<string, StillAccepted>();
  const tell = (): void => {
    const counts = [...waiting].map(([cluster, names]) => leftOf(results.get(cluster), names));
    watch.tell(counts.reduce((sum, one) => sum + one, 0));
  };
  for (;;) {
    await eachBounded([...waiting], AT_ONCE, async ([cluster, names]) => {
      const result = await lookOnce(cluster, names, watch);
      results.set(cluster, result);
      if (result.ok && result.value.length === 0) waiting.delete(cluster);
      tell();
    });
    const isOver = watch.interruption.aborted || watch.now() + POLL_MS > watch.deadlineMs;
    if (isOver || waiting.size === 0) return results;
    await pause(POLL_MS, watch.interruption);
  }
}

const leftOf = (result: StillAccepted | undefined, names: readonly string[]): number =>
  result?.ok ? result.value.length : names.length;

async function lookOnce(
  cluster: string,
  names: readonly string[],
  { open }: RefusalWatch,
): Promise<StillAccepted> {
  const opened = await open(cluster);
  const result = await after(opened, (plane) => acceptedNames(plane, names));
  if (opened.ok) await opened.value.close();
  return result;
}

async function acceptedNames(plane: DownstreamPlane, names: readonly string[]): Promise<StillAccepted> {
  const present = await plane.clusterAuthTokens();
  if (!present.ok) return present.failure.reason === 'KindMissing' ? { ok: true, value: [] } : present;
  const enabled = new Set(
    present.value.filter(({ parsed }) => parsed.enabled).map(({ parsed }) => parsed.name),
  );
  return { ok: true, value: names.filter((name) => enabled.has(name)) };
}
