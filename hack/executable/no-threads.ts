import { HasherClosedError } from '../../src/hash/errors.ts';
import { type Job, type JobResult, run } from '../../src/hash/worker.ts';

/** Stands where `hash/pool.ts` has threads: does each job at once, in the one thread there is. */
export class HashPool {
  #closed = false;
  readonly size = 0;

  async run<J extends Job>(job: J, signal?: AbortSignal): Promise<JobResult<J>> {
    signal?.throwIfAborted();
    if (this.#closed) throw new HasherClosedError('hasher is closed');
    return run(job) as JobResult<J>;
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
