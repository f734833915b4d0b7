import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Clusters to connect to, as {@link connectBare} does. */
export interface BareConnectsJob {
  /** Texts of kubeconfigs that lead to them. */
  readonly kubeconfigs: readonly string[];
  /** Of those, at a time. */
  readonly concurrency: number;
}

export interface BareConnects {
  /** From the first handshake until all watches of all clusters are open. */
  readonly connectMs: number;
  readonly cpuMs: number;
}

const PROGRAM = fileURLToPath(new URL('./bare-connects-process.ts', import.meta.url));

/**
 * The yardstick of connecting: the requests that the operator sends to an empty cluster, over one connection of HTTP/2 to each, by a
 * program that does nothing else. The watches are held open until all are.
 */
export async function connectBare(job: BareConnectsJob): Promise<BareConnects> {
  const child: ChildProcess = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  try {
    child.send(job);
    const ended = once(child, 'exit').then(([code]): never => {
      throw new Error(`the bare connects ended with ${code}`);
    });
    const [result] = await Promise.race([once(child, 'message'), ended]);
    return result as BareConnects;
  } finally {
    child.kill();
  }
}
