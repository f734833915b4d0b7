import { setTimeout as delay } from 'node:timers/promises';
import { type BearerClient, bearerClient } from '../../support/bearer-client.ts';
import type { TestCluster } from './provider.ts';

export interface LoadReport {
  readonly requests: number;
  /** Answers by what was answered: a status, or `no answer`. */
  readonly answers: Readonly<Record<string, number>>;
  /** From the first to the last request that was not let in, in milliseconds; 0 when all were. */
  readonly outageMs: number;
}

export interface ConstantLoad {
  /** How many requests were let in so far. */
  letIn(): number;
  stop(): Promise<LoadReport>;
}

/**
 * Some people, each with a token, who ask the API server all the time.
 *
 * @param options.spreadMs - over which they begin, one after the other; resolves when all have begun. The API server remembers
 *   whom it let in for a while, so those who begin together are also judged anew together.
 */
export async function constantLoad(
  cluster: TestCluster,
  bearers: readonly string[],
  { pauseMs = 25, spreadMs = 0 }: { pauseMs?: number; spreadMs?: number } = {},
): Promise<ConstantLoad> {
  const clients = await Promise.all(bearers.map((bearer) => bearerClient(cluster, bearer, 1)));
  const seen: { atMs: number; answer: string }[] = [];
  let going = true;
  const ask = async (client: BearerClient): Promise<void> => {
    while (going) {
      const answer = await client.status().then(String, () => 'no answer');
      seen.push({ atMs: performance.now(), answer });
      await delay(pauseMs);
    }
  };
  const loops: Promise<void>[] = [];
  for (const client of clients) {
    loops.push(ask(client));
    await delay(spreadMs / clients.length);
  }
  return {
    letIn: () => seen.filter(({ answer }) => isLetIn(answer)).length,
    async stop() {
      going = false;
      await Promise.all(loops);
      await Promise.all(clients.map((client) => client.close()));
      const answers: Record<string, number> = {};
      for (const { answer } of seen) answers[answer] = (answers[answer] ?? 0) + 1;
      const refused = seen.filter(({ answer }) => !isLetIn(answer)).map(({ atMs }) => atMs);
      const outageMs = refused.length === 0 ? 0 : Math.round(Math.max(...refused) - Math.min(...refused));
      return { requests: seen.length, answers, outageMs };
    },
  };
}

/** Without a right to what is asked for, somebody is let in all the same. */
function isLetIn(answer: string): boolean {
  return answer === '200' || answer === '403';
}
