import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** One burst of the yardstick. */
export interface RawJob {
  /** Kubeconfigs of the planes written to, all at the same time. */
  readonly kubeconfigs: readonly string[];
  /** Pairs of Secret and ClusterAuthToken per plane. */
  readonly pairs: number;
  readonly namespace: string;
  /** Pairs written at a time, per plane. */
  readonly concurrency: number;
  readonly prefix: string;
}

export interface RawResult {
  /** Milliseconds since the epoch, at the first request. */
  readonly startedAtMs: number;
  readonly cpuMs: number;
}

const PROGRAM = fileURLToPath(new URL('./raw-writer-process.ts', import.meta.url));

/**
 * The yardstick: writes the same Secrets and ClusterAuthTokens over bare kept-alive HTTPS.
 *
 * In a process of its own, as the operator is, so that both leave this one the same work: counting.
 */
export class RawWriter {
  readonly #child: ChildProcess;

  constructor() {
    this.#child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  }

  /** @returns when the last write is answered */
  async write(job: RawJob): Promise<RawResult> {
    this.#child.send(job);
    const ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the raw writer ended with ${code}`);
    });
    const [result] = (await Promise.race([once(this.#child, 'message'), ended])) as [RawResult];
    ended.catch(() => undefined); // when it is closed
    return result;
  }

  close(): void {
    this.#child.disconnect();
  }
}
