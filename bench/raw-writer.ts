import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** One burst of the yardstick. */
export interface RawJob {
  /** `delete`: the pairs that a job of the same prefix wrote, each the ClusterAuthToken first. */
  readonly task: 'write' | 'delete';
  /** Kubeconfigs of the planes, all at the same time. */
  readonly kubeconfigs: readonly string[];
  /** Pairs of Secret and ClusterAuthToken per plane. */
  readonly pairs: number;
  readonly namespace: string;
  /** Pairs at a time, per plane. */
  readonly concurrency: number;
  readonly prefix: string;
}

/** Said first, once the connections are open. */
export interface RawStarted {
  /** Milliseconds since the epoch, at the first request. */
  readonly startedAtMs: number;
}

export interface RawResult extends RawStarted {
  /** When the last request was answered. */
  readonly endedAtMs: number;
  readonly cpuMs: number;
}

const PROGRAM = fileURLToPath(new URL('./raw-writer-process.ts', import.meta.url));

/**
 * The yardstick: writes and deletes the same Secrets and ClusterAuthTokens over bare kept-alive HTTPS.
 *
 * In a process of its own, as the operator is, so that both leave this one the same work: counting.
 */
export class RawWriter {
  readonly #child: ChildProcess;
  readonly #ended: Promise<never>;

  constructor() {
    this.#child = fork(PROGRAM, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#ended = once(this.#child, 'exit').then(([code]) => {
      throw new Error(`the raw writer ended with ${code}`);
    });
    this.#ended.catch(() => undefined); // when it is closed
  }

  /**
   * @param onStarted - called when the first request is sent
   * @returns when the last request is answered
   */
  async run(job: RawJob, onStarted: () => void = () => {}): Promise<RawResult> {
    this.#child.send(job);
    const answered = new Promise<RawResult>((resolve) => {
      const take = (message: unknown): void => {
        const said = message as RawStarted | RawResult;
        if (!('endedAtMs' in said)) {
          onStarted();
          return;
        }
        this.#child.off('message', take);
        resolve(said);
      };
      this.#child.on('message', take);
    });
    return Promise.race([answered, this.#ended]);
  }

  close(): void {
    this.#child.disconnect();
  }
}
