import { ApiError, ConnectionError } from '../../errors.ts';
import { LANES, type Lane } from '../keys.ts';
import type { WriteObserver } from '../report/lag.ts';
import { Pace } from './pace.ts';
import type { SpareWorkers } from './spare-workers.ts';
import { type WorkerDeps, work } from './worker.ts';

/** Always there. Each that works needs a connection of its own, and what is to be done in most clusters is little. */
const OWN = 4;
/** These take nothing but revocations: slow writes must not keep one waiting. */
const OWN_FOR_REVOCATIONS = 4;
/** A helper comes where more keys wait for each worker that is there, */
const KEYS_EACH = 2;
/** and where a key has waited for so long: what is in everybody's hands may hang. */
const PATIENCE_MS = 500;
/** So many helpers each cluster may have, whatever the others do, */
const HELPERS = 12;
/** and so many more are lent while writes take long for the way alone. */
const MOST_LENT = 48;

/** Keys of one cluster that are worked at a time, at most. */
export const MAX_AT_A_TIME = OWN + OWN_FOR_REVOCATIONS + HELPERS + MOST_LENT;

/** The workers of one cluster: always a few, more while many keys wait, and many more while writes take long for the way alone. */
export class Workers {
  readonly #deps: WorkerDeps;
  readonly #spare: SpareWorkers;
  readonly #running = new Set<Promise<void>>();
  readonly #pace = new Pace();
  #helpers = 0;
  /** Of these. */
  #lent = 0;
  /** Helpers above this many are to end. */
  #bound = HELPERS;
  #patience: NodeJS.Timeout | undefined;

  constructor(deps: WorkerDeps, spare: SpareWorkers) {
    this.#deps = {
      ...deps,
      worked: (key, failure) => {
        if (isTooMuch(failure)) this.#fewer();
        deps.worked(key, failure);
      },
    };
    this.#spare = spare;
    for (let own = 0; own < OWN; own += 1) this.#run(work(this.#deps));
    for (let own = 0; own < OWN_FOR_REVOCATIONS; own += 1) this.#run(work(this.#deps, ['revocation']));
    deps.queue.onWaiting((lane) => this.#keyWaits(lane));
  }

  /** Workers that are there beyond those that always are. */
  get helpers(): number {
    return this.#helpers;
  }

  /** To be told of the writes of one key, which are made one after the other; tells `observer`, and sees how long each takes. */
  timed(observer: WriteObserver): WriteObserver {
    let begunAtMs = 0;
    return {
      begun: (verb, kind) => {
        observer.begun(verb, kind);
        begunAtMs = performance.now();
      },
      done: (verb, kind) => {
        observer.done(verb, kind);
        this.#answered(performance.now() - begunAtMs);
      },
    };
  }

  /** Resolves when all have ended; the queue is closed before. */
  async ended(): Promise<void> {
    clearTimeout(this.#patience);
    await Promise.allSettled([...this.#running]);
  }

  /** Nobody was free for it. */
  #keyWaits(lane: Lane): void {
    const isMany = this.#deps.queue.size > KEYS_EACH * (OWN + this.#helpers);
    if (isMany || lane === 'revocation') this.#help();
    this.#patience ??= setTimeout(() => this.#stillWaits(), PATIENCE_MS);
  }

  #stillWaits(): void {
    this.#patience = undefined;
    const { queue } = this.#deps;
    if (queue.isClosed || queue.size === 0) return;
    this.#help();
    this.#patience = setTimeout(() => this.#stillWaits(), PATIENCE_MS);
  }

  #answered(tookMs: number): void {
    const atATime = OWN + this.#helpers;
    const step = this.#pace.answered(tookMs, atATime);
    if (step === 'fewer') this.#fewer();
    if (step === 'more') this.#more(atATime);
  }

  /** Those that every cluster may have stay: that one answer takes long says nothing of the next. */
  #fewer(): void {
    this.#bound = Math.max(HELPERS, Math.floor(this.#helpers / 2));
  }

  #more(count: number): void {
    const wanted = Math.min(count, Math.floor(this.#deps.queue.size / KEYS_EACH));
    for (let begun = 0; begun < wanted && this.#helpers < HELPERS; begun += 1) this.#help();
    if (this.#helpers < HELPERS) return;
    const lent = this.#spare.take(Math.min(wanted, MOST_LENT - this.#lent));
    if (lent === 0) return;
    this.#lent += lent;
    this.#bound = Math.max(this.#bound, this.#helpers + lent);
    for (let begun = 0; begun < lent; begun += 1) this.#begin();
  }

  #help(): void {
    if (this.#helpers < HELPERS) this.#begin();
  }

  #begin(): void {
    this.#helpers += 1;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      this.#helpers -= 1;
      // Whoever ends first gives back what was lent: the cluster's own are always its own.
      if (this.#lent === 0) return;
      this.#lent -= 1;
      this.#spare.giveBack();
    };
    const goesOn = (): boolean => {
      if (this.#deps.queue.size > 0 && this.#helpers <= this.#bound) return true;
      end();
      return false;
    };
    this.#run(work(this.#deps, LANES, goesOn).finally(end));
  }

  #run(worker: Promise<void>): void {
    const running = worker.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }
}

/** What says that fewer at a time would be better: the API server is too busy, or does not answer. */
function isTooMuch(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && error.code === 429);
}
