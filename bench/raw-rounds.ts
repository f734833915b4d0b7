import { type BenchWorld, CONCURRENCY } from './bench-world.ts';
import { RAW_NAMESPACE } from './objects.ts';
import type { RawResult, RawWriter } from './raw-writer.ts';

const TRIED = [16, 32, 64, 128];
/** Pairs of one trial, in all clusters together. */
const BURST = 1_000;

export interface Trial {
  /** Pairs at a time in each cluster. */
  readonly concurrency: number;
  readonly pairsPerSecond: number;
}

/** What the raw writer did in one round. */
export interface RawRound {
  /** From its first request until the last was seen. */
  readonly tokensPerSecond: number;
  /** From the first that was seen to the last. */
  readonly steadyPerSecond: number;
  readonly cpuMsPerToken: number;
  /** Pairs, from the first DELETE to the last answer. */
  readonly deletedPerSecond: number;
  /** The slowest cluster's time by that of the median one. */
  readonly spread: number;
}

/** Tries numbers of pairs at a time in one short burst each. @returns the best first */
export async function bestConcurrency(
  bench: BenchWorld,
  raw: RawWriter,
  tokens: number,
): Promise<readonly Trial[]> {
  const pairs = Math.max(1, Math.floor(Math.min(tokens, BURST) / bench.clusters.length));
  const trials: Trial[] = [];
  // The first burst only warms up: it would count against the number that is tried first.
  for (const [index, concurrency] of [CONCURRENCY, ...TRIED].entries()) {
    const job = jobOf(bench, { pairs, concurrency, prefix: `trial-${index}` });
    const written = pairs * bench.clusters.length;
    const seen = bench.watch.whenCount(RAW_NAMESPACE, written);
    const result = await raw.run({ ...job, task: 'write' });
    await seen;
    await raw.run({ ...job, task: 'delete' });
    await bench.watch.whenCount(RAW_NAMESPACE, 0);
    if (index > 0) trials.push({ concurrency, pairsPerSecond: (written * 1000) / tookMs(result) });
  }
  return trials.sort((a, b) => b.pairsPerSecond - a.pairsPerSecond);
}

/** Writes pairs and takes them away again. */
export async function rawRound(
  bench: BenchWorld,
  raw: RawWriter,
  tokens: number,
  how: { readonly concurrency: number; readonly prefix: string },
): Promise<RawRound> {
  const { watch, clusters } = bench;
  const pairs = Math.floor(tokens / clusters.length);
  const written = pairs * clusters.length;
  const first = watch.whenAtLeast(RAW_NAMESPACE, 1);
  const seen = watch.whenCount(RAW_NAMESPACE, written);
  const job = jobOf(bench, { pairs, ...how });
  const { startedAtMs, cpuMs } = await raw.run({ ...job, task: 'write' });
  const [firstMs, lastMs] = await Promise.all([first, seen]);
  const spread = spreadOf(bench, RAW_NAMESPACE, startedAtMs);
  const deleted = await raw.run({ ...job, task: 'delete' });
  await watch.whenCount(RAW_NAMESPACE, 0);
  return {
    tokensPerSecond: (written * 1000) / (lastMs - startedAtMs),
    steadyPerSecond: ((written - 1) * 1000) / (lastMs - firstMs),
    cpuMsPerToken: cpuMs / written,
    deletedPerSecond: (written * 1000) / tookMs(deleted),
    spread,
  };
}

export const tookMs = ({ startedAtMs, endedAtMs }: RawResult): number => endedAtMs - startedAtMs;

export function jobOf(
  { clusters }: BenchWorld,
  { pairs, concurrency, prefix }: { pairs: number; concurrency: number; prefix: string },
) {
  const kubeconfigs = clusters.map(({ kubeconfig }) => kubeconfig);
  return { kubeconfigs, pairs, namespace: RAW_NAMESPACE, concurrency, prefix };
}

/** How much later than the median cluster the slowest had its last token; both from `sinceMs`. */
export function spreadOf({ clusters, watch }: BenchWorld, namespace: string, sinceMs: number): number {
  const times = clusters
    .map((_, plane) => watch.lastAppearedAtMs(plane, namespace) - sinceMs)
    .sort((a, b) => a - b);
  const [middle = Number.NaN, last = Number.NaN] = [times[Math.floor((times.length - 1) / 2)], times.at(-1)];
  return last / middle;
}
