import { ApiError, ConnectionError } from '../../errors.ts';
import { LANES } from '../keys.ts';
import type { WriteObserver } from '../report/lag.ts';
import { Pace } from './pace.ts';
import { type WorkerDeps, work } from './worker.ts';

/** Always there. Each that works needs a connection of its own, and what is to be done in most clusters is little. */
const OWN = 4;
/** These take nothing but revocations: slow writes must not keep one waiting. */
const OWN_FOR_REVOCATIONS = 4;
/** Another one helps where more keys wait for each that is there. */
const KEYS_EACH = 2;
/** A key that has waited for so long is worked by another one, too. */
const PATIENCE_MS = 500;
/** So many help whenever keys wait, */
const MANY = 12;
/** and so many where writes take long for the way alone. */
const MOST = 60;

/** Keys of one cluster that are worked at a time, at most. */
export const MAX_AT_A_TIME = OWN + OWN_FOR_REVOCATIONS + MOST;

const SPARE = 256;
/** Above this part of its time the event loop has its hands full, and more at a time would only be late together. */
const FULL = 0.9;
/** For how long the event loop is looked at. */
const LOOK_MS = 50;

/**
 * Workers beyond each cluster's own, of the whole process: a thousand clusters that are busy at once must not need all its memory,
 * files and time.
 */
export class SpareWorkers {
  readonly #utilization: () => number;
  #left: number;
  #lookedAtMs = performance.now();
  #isFull = false;

  /** @param utilization - part of the time for which the event loop was busy since this was last asked */
  constructor(count = SPARE, utilization: () => number = utilizationOfLoop()) {
    this.#left = count;
    this.#utilization = utilization;
  }

  /** @returns how many of them there were; none while the process has its hands full */
  take(count: number): number {
    this.#look();
    const taken = this.#isFull ? 0 : Math.min(count, this.#left);
    this.#left -= taken;
    return taken;
  }

  giveBack(): void {
    this.#left += 1;
  }

  #look(): void {
    if (performance.now() - this.#lookedAtMs < LOOK_MS) return;
    this.#isFull = this.#utilization() > FULL;
    this.#lookedAtMs = performance.now();
  }
}

function utilizationOfLoop(): () => number {
  let last = performance.eventLoopUtilization();
  return () => {
    const now = performance.eventLoopUtilization();
    const { utilization } = performance.eventLoopUtilization(now, last);
    last = now;
    return utilization;
  };
}

/** The workers of one cluster: always a few, more while many keys wait, and many more while writes take long for the way alone. */
export class Workers {
  readonly #deps: WorkerDeps;
  readonly #spare: SpareWorkers;
  readonly #own: readonly Promise<void>[];
  readonly #helpers = new Set<Promise<void>>();
  readonly #pace = new Pace();
  /** Of the helpers, how many are to end. */
  #surplus = 0;
  #patience: NodeJS.Timeout | undefined;

  constructor(deps: WorkerDeps, spare: SpareWorkers) {
    this.#deps = {
      ...deps,
      worked: (key, failure) => {
        if (isTooMuch(failure)) this.#surplus = Math.ceil(this.helpers / 2);
        deps.worked(key, failure);
      },
    };
    this.#spare = spare;
    this.#own = [
      ...Array.from({ length: OWN }, () => work(this.#deps)),
      ...Array.from({ length: OWN_FOR_REVOCATIONS }, () => work(this.#deps, ['revocation'])),
    ];
    deps.queue.onWaiting(() => this.#look());
  }

  /** Workers that are there beyond the cluster's own. */
  get helpers(): number {
    return this.#helpers.size;
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
    await Promise.allSettled([...this.#own, ...this.#helpers]);
  }

  /** A key waits, and nobody was free. */
  #look(): void {
    if (this.helpers >= MANY) return;
    if (this.#deps.queue.size > KEYS_EACH * (OWN + this.helpers)) this.#start(1);
    this.#patience ??= setTimeout(() => this.#lookAgain(), PATIENCE_MS);
  }

  /** What is in everybody's hands may hang for as long as a request may take. */
  #lookAgain(): void {
    this.#patience = undefined;
    const { queue } = this.#deps;
    if (queue.isClosed || queue.size === 0 || this.helpers >= MANY) return;
    this.#start(1);
    this.#patience = setTimeout(() => this.#lookAgain(), PATIENCE_MS);
  }

  #answered(tookMs: number): void {
    const atATime = OWN + this.helpers;
    const step = this.#pace.answered(tookMs, atATime);
    if (step === 'same') return;
    const isMore = step === 'more';
    this.#surplus = isMore ? 0 : Math.max(0, Math.ceil((this.helpers - MANY) / 2));
    if (isMore)
      this.#start(Math.min(atATime, MOST - this.helpers, Math.floor(this.#deps.queue.size / KEYS_EACH)));
  }

  #start(count: number): void {
    const taken = this.#spare.take(count);
    for (let started = 0; started < taken; started += 1) {
      const helper = work(this.#deps, LANES, () => this.#isNeeded()).finally(() => {
        this.#helpers.delete(helper);
        this.#spare.giveBack();
      });
      this.#helpers.add(helper);
    }
  }

  /** A helper never waits for a key. */
  #isNeeded(): boolean {
    if (this.#deps.queue.size === 0) return false;
    if (this.#surplus === 0) return true;
    this.#surplus -= 1;
    return false;
  }
}

/** What says that fewer at a time would be better: the API server is too busy, or does not answer. */
function isTooMuch(error: unknown): boolean {
  return error instanceof ConnectionError || (error instanceof ApiError && error.code === 429);
}
