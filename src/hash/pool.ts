import { extname, join } from 'node:path';
import { Piscina } from 'piscina';
import { HasherClosedError, HashQueueFullError } from './errors.ts';
import { formatOf } from './formats.ts';
import { Turns } from './turns.ts';
import type { Job, JobResult } from './worker.ts';

/** worker.ts from source, worker.js from dist: the build rewrites imports, not paths. */
const WORKER = join(import.meta.dirname, `worker${extname(import.meta.filename)}`);

/** An idle thread holds 5 to 15 MB, and starting one takes about 0.1 s. */
const IDLE_TIMEOUT_MS = 60_000;

/**
 * Of formats that take tens of MiB (scrypt: 32, by hashes of others up to 64). A Pod's memory does not grow with the cores of its node, on which
 * the number of threads depends: with eight at once an authenticator of 250,000 tokens went beyond its limit, and was killed.
 */
const LARGE_AT_ONCE = 2;

export interface HashPoolOptions {
  /** Jobs done at the same time. */
  threads: number;
  /** Jobs waiting beside those; Infinity for no bound. */
  maxQueue: number;
  /** File whose export `run` does a job. */
  worker?: string;
  /** Told of each job that a thread did, and how long it took there. */
  onDone?: (job: Job, seconds: number) => void;
}

interface Task {
  readonly job: Job;
  readonly resolve: (result: string | boolean) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Worker threads behind a queue in which groups take turns, and their members.
 *
 * The queue is ours because Piscina kills a thread to abort a running job and does not count
 * abortable jobs against its own limit. Threads start with the first job.
 */
export class HashPool {
  readonly #threads: number;
  readonly #maxQueue: number;
  readonly #worker: string;
  readonly #onDone: ((job: Job, seconds: number) => void) | undefined;
  readonly #waiting = new Turns<Task>();
  readonly #running = new Set<Task>();
  #piscina: Piscina<Job, string | boolean> | undefined;
  #closed = false;

  constructor({ threads, maxQueue, worker = WORKER, onDone }: HashPoolOptions) {
    this.#threads = threads;
    this.#maxQueue = maxQueue;
    this.#worker = worker;
    this.#onDone = onDone;
  }

  /** Jobs waiting or running. An aborted job counts until its thread is free again. */
  get size(): number {
    return this.#waiting.size + this.#running.size;
  }

  /**
   * Does one job in a thread. An abort rejects at once, with the signal's reason; a job
   * that is already running keeps its thread until it is done.
   *
   * @param group - whose turn it is where many wait; one of its members by `group/member`
   * @throws {HashQueueFullError} when `maxQueue` jobs are waiting already
   * @throws {HasherClosedError} when the pool is or gets closed
   */
  async run<J extends Job>(job: J, signal?: AbortSignal, group = ''): Promise<JobResult<J>> {
    signal?.throwIfAborted();
    if (this.#closed) throw new HasherClosedError('hasher is closed');
    if (!this.#mayStart(job) && this.#waiting.size >= this.#maxQueue) {
      throw new HashQueueFullError(`${this.#waiting.size} hashes are waiting already`);
    }
    const { promise, resolve, reject } = Promise.withResolvers<string | boolean>();
    const task: Task = { job, resolve, reject };
    const abort = (): void => {
      this.#waiting.delete(group, task);
      reject(signal?.reason);
    };
    signal?.addEventListener('abort', abort, { once: true });
    this.#waiting.add(group, task);
    this.#startWaiting();
    try {
      return (await promise) as JobResult<J>;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }

  /** Rejects what is left and ends the threads, also in the middle of a job. */
  async close(): Promise<void> {
    this.#closed = true;
    const error = new HasherClosedError('hasher is closed');
    for (const task of this.#waiting.takeAll()) task.reject(error);
    await this.#endThreads(error);
  }

  #startWaiting(): void {
    while (this.#running.size < this.#threads) {
      const task = this.#waiting.take(({ job }) => this.#mayStart(job));
      if (!task) return;
      this.#running.add(task);
      void this.#execute(task);
    }
  }

  #mayStart(job: Job): boolean {
    if (this.#running.size >= this.#threads) return false;
    return !isLarge(job) || [...this.#running].filter((task) => isLarge(task.job)).length < LARGE_AT_ONCE;
  }

  async #execute(task: Task): Promise<void> {
    const startMs = performance.now();
    try {
      const result = await this.#startedPiscina().run(task.job);
      this.#onDone?.(task.job, (performance.now() - startMs) / 1000);
      task.resolve(result);
    } catch (error) {
      task.reject(error);
    } finally {
      this.#running.delete(task);
      this.#startWaiting();
    }
  }

  #startedPiscina(): Piscina<Job, string | boolean> {
    if (this.#piscina) return this.#piscina;
    const piscina = new Piscina<Job, string | boolean>({
      filename: this.#worker,
      name: 'run',
      minThreads: 0,
      maxThreads: this.#threads,
      idleTimeout: IDLE_TIMEOUT_MS,
      recordTiming: false,
    });
    // A thread that dies before it is ready emits `error` and leaves its job in Piscina's queue for ever.
    piscina.on('error', (cause: unknown) => {
      if (this.#piscina === piscina) void this.#endThreads(new Error('hash worker failed to run', { cause }));
    });
    this.#piscina = piscina;
    return piscina;
  }

  /** Fails the running jobs and ends the threads; a job that comes later starts new ones. */
  async #endThreads(error: Error): Promise<void> {
    const piscina = this.#piscina;
    this.#piscina = undefined;
    for (const task of this.#running) task.reject(error);
    await piscina?.destroy();
  }
}

function isLarge(job: Job): boolean {
  return formatOf(job.kind === 'hash' ? job.algorithm : job.format).isLarge === true;
}
