import { setTimeout as delay } from 'node:timers/promises';
import type { OperatorProcess } from '../test/support/operator-process.ts';
import { type LoopDelay, loopDelayIn, scrape, worst } from './process-stats.ts';
import { nowMs } from './token-watch.ts';

/** Metrics are made anew ten times at once and then once a second, whoever asks how often: asking starts when there is something to see. */
const POLL_MS = 100;
/** A text of a thousand clusters is a megabyte: to send and to read it all the time would be a good part of what is measured. */
const pollMs = (clusters: number): number => Math.max(POLL_MS, clusters);

interface Series {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** All series of one metric in a scrape. */
function seriesOf(body: string, name: string): readonly Series[] {
  return [...body.matchAll(new RegExp(`^${name}(?:\\{([^}]*)\\})? (\\S+)$`, 'gm'))].map(
    ([, labels = '', value]) => ({
      labels: Object.fromEntries(
        [...labels.matchAll(/(\w+)="([^"]*)"/g)].map(([, key, text]) => [key, text]),
      ),
      value: Number(value),
    }),
  );
}

/** Sum over the series whose labels have these values. */
export function sumOf(body: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  return seriesOf(body, name)
    .filter((series) => Object.entries(labels).every(([key, text]) => series.labels[key] === text))
    .reduce((sum, { value }) => sum + value, 0);
}

/** What replicas say together. */
export interface Carried {
  /** Clusters. */
  readonly connected: number;
  /** Tokens. */
  readonly synced: number;
  /** Keys that wait. */
  readonly queued: number;
}

export async function carriedBy(replicas: readonly OperatorProcess[]): Promise<Carried> {
  const bodies = await Promise.all(replicas.map((one) => scrape(one).catch(() => '')));
  return carriedIn(bodies.join('\n'));
}

function carriedIn(body: string): Carried {
  return {
    connected: sumOf(body, 'ace_cluster_connected'),
    synced: sumOf(body, 'ace_tokens', { state: 'synced' }),
    queued: sumOf(body, 'ace_workqueue_depth'),
  };
}

/**
 * Scrapes until one scrape says: all clusters connected, nothing waiting, all tokens synced.
 *
 * @returns how late the loop was meanwhile
 * @throws {Error} when it is not so in time, with what the last scrape said
 */
export async function whenCarried(
  operator: OperatorProcess,
  clusters: number,
  tokens: number,
  timeoutMs = 600_000,
): Promise<LoopDelay> {
  const deadlineMs = nowMs() + timeoutMs;
  const loops: LoopDelay[] = [];
  const isConnected = (): boolean => operator.logs().some(({ message }) => message === 'cluster connected');
  while (!isConnected() && nowMs() < deadlineMs) await delay(10);
  for (;;) {
    const body = await scrape(operator);
    loops.push(loopDelayIn(body));
    const { connected, synced, queued } = carriedIn(body);
    if (connected === clusters && synced === tokens && queued === 0) return worst(loops);
    if (nowMs() > deadlineMs) {
      throw new Error(
        `after ${timeoutMs} ms ${connected} of ${clusters} clusters are connected, ${synced} of ${tokens} tokens synced, ${queued} keys wait`,
      );
    }
    await delay(pollMs(clusters));
  }
}
