import type { ClusterAuthToken } from '../../api/parse-downstream.ts';
import { pause } from '../../kube/backoff.ts';
import { eachBounded } from '../../plane/bounded.ts';
import type { DownstreamPlane, Seen } from '../../plane/downstream.ts';
import { after, known, type Reading } from '../../plane/reading.ts';
import type { FindGone } from './gone.ts';

const POLL_MS = 500;
/** Clusters are many; each is looked at in its turn. */
const AT_ONCE = 16;

/** Tokens that are to be refused, by the management id of their cluster; none of a cluster where those that are gone are looked for alone. */
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
  /** Also what was revoked before, and is to be refused like those that are named; undefined: that was not asked for. */
  readonly findGone: FindGone | undefined;
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
  { open, findGone }: RefusalWatch,
): Promise<StillAccepted> {
  const opened = await open(cluster);
  const enabled = await after(opened, enabledTokens);
  if (opened.ok) await opened.value.close();
  if (!enabled.ok) return enabled;
  const present = new Set(enabled.value.map(({ parsed }) => parsed.name));
  const named = names.filter((name) => present.has(name));
  const gone = await findGone?.(cluster, enabled.value);
  // What is known to be accepted weighs more than what is not known.
  if (gone && !gone.ok && named.length === 0) return gone;
  return { ok: true, value: [...new Set([...named, ...(known(gone) ?? [])])] };
}

async function enabledTokens(plane: DownstreamPlane): Promise<Reading<readonly Seen<ClusterAuthToken>[]>> {
  const present = await plane.clusterAuthTokens();
  if (!present.ok) return present.failure.reason === 'KindMissing' ? { ok: true, value: [] } : present;
  return { ok: true, value: present.value.filter(({ parsed }) => parsed.enabled) };
}
