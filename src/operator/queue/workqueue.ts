// queue/: the keys that wait for a worker, and the workers.

import { backoffMs, type Random } from '../../kube/backoff.ts';
import { LANES, type Lane } from '../keys.ts';
import { Alarms } from './alarms.ts';

const BASE_DELAY_MS = 50;
const MAX_DELAY_MS = 60_000;
/** A cluster that takes writes again is not to let anyone in for a minute who is out. */
const MAX_REVOCATION_DELAY_MS = 5_000;

interface Waiter {
  readonly lanes: readonly Lane[];
  readonly resolve: (key: string | undefined) => void;
}

/**
 * Keys to be worked, each by one worker at a time and never twice in the queue.
 *
 * A key that is added while it is being worked is worked once more afterwards: no change is ever missed.
 */
export class WorkQueue {
  readonly #random: Random;
  readonly #waiting = new Map<Lane, Map<string, number>>(LANES.map((lane) => [lane, new Map()]));
  /** What is being worked: which lane it came from, since when it had waited there, and since when it is worked. */
  readonly #processing = new Map<string, { lane: Lane; queuedAtMs: number; takenAtMs: number }>();
  readonly #dirty = new Map<string, Lane>();
  /** Of keys that are being worked: whether they are to be looked at once more is asked when they are done. */
  readonly #doubted = new Map<string, { lane: Lane; isNews: () => boolean }>();
  readonly #alarms = new Alarms((key, lane) => this.add(key, lane));
  readonly #failures = new Map<string, number>();
  readonly #waiters: Waiter[] = [];
  #tellWaiting: (lane: Lane) => void = () => {};
  #closed = false;

  constructor(random: Random = Math.random) {
    this.#random = random;
  }

  /** Keys that wait for a worker. */
  get size(): number {
    return LANES.reduce((sum, lane) => sum + this.#lane(lane).size, 0);
  }

  /** True when no key waits and none is being worked; planned ones do not count. */
  get isIdle(): boolean {
    return this.size === 0 && this.#processing.size === 0;
  }

  /** Age of the key that has waited longest, in milliseconds; 0 when none waits. */
  oldestAgeMs(nowMs: number): number {
    let oldestMs = nowMs;
    for (const lane of this.#waiting.values())
      for (const sinceMs of lane.values()) oldestMs = Math.min(oldestMs, sinceMs);
    return nowMs - oldestMs;
  }

  /** How long the key that has been worked longest is worked by now, in milliseconds; 0 when none is. */
  longestWorkedMs(nowMs: number): number {
    let oldestMs = nowMs;
    for (const { takenAtMs } of this.#processing.values()) oldestMs = Math.min(oldestMs, takenAtMs);
    return nowMs - oldestMs;
  }

  /** When a key in a worker's hands was put into the queue; milliseconds since the epoch. */
  queuedAtMs(key: string): number {
    return this.#processing.get(key)?.queuedAtMs ?? Date.now();
  }

  /** Calls `listener` whenever a key has to wait because no worker is free. */
  onWaiting(listener: (lane: Lane) => void): void {
    this.#tellWaiting = listener;
  }

  /** Adds a key, or moves a waiting one to a more urgent lane. */
  add(key: string, lane: Lane): void {
    if (this.#closed) return;
    if (this.#processing.has(key)) {
      this.#dirty.set(key, moreUrgent(lane, this.#dirty.get(key)));
      return;
    }
    const current = LANES.find((lane) => this.#lane(lane).has(key));
    if (current && moreUrgent(lane, current) === current) return;
    const since = current ? this.#lane(current).get(key) : undefined;
    if (current) this.#lane(current).delete(key);
    this.#lane(lane).set(key, since ?? Date.now());
    this.#wake(lane);
  }

  /**
   * Adds a key if there is news for it. Of one that is being worked it is asked when that is done: what the worker itself wrote
   * meanwhile is told of, too, and is news to nobody.
   *
   * @param isNews - of several for one key the last is asked; without it, there is
   */
  addIf(key: string, lane: Lane, isNews?: () => boolean): void {
    if (isNews && this.#processing.has(key)) this.#doubted.set(key, { lane, isNews });
    else if (isNews?.() ?? true) this.add(key, lane);
  }

  /** Adds a key later, by a clock that nobody sets. Of several times for one key the earliest counts. */
  addAfter(key: string, delayMs: number, lane: Lane): void {
    if (this.#closed) return;
    this.#alarms.set(key, delayMs, lane);
  }

  /**
   * Adds a key after its own backoff, to the lane that it came from.
   *
   * @param atLeastMs - what the server asked for: no reason to come sooner, nor to stop counting
   */
  addRateLimited(key: string, atLeastMs = 0): void {
    const lane = this.laneOf(key);
    const failures = (this.#failures.get(key) ?? 0) + 1;
    this.#failures.set(key, failures);
    const maxMs = lane === 'revocation' ? MAX_REVOCATION_DELAY_MS : MAX_DELAY_MS;
    const ownMs = backoffMs(failures, BASE_DELAY_MS, maxMs, this.#random);
    this.addAfter(key, Math.max(ownMs, atLeastMs), lane);
  }

  /** The lane that a key in a worker's hands came from. */
  laneOf(key: string): Lane {
    return this.#processing.get(key)?.lane ?? 'normal';
  }

  /** Consecutive failures of a key. */
  failures(key: string): number {
    return this.#failures.get(key) ?? 0;
  }

  /** Ends a key's backoff. */
  forget(key: string): void {
    this.#failures.delete(key);
  }

  /**
   * The next key, most urgent first; waits for one.
   *
   * @param lanes - which lanes this worker serves
   * @returns undefined when the queue is closed
   */
  get(lanes: readonly Lane[] = LANES): Promise<string | undefined> {
    if (this.#closed) return Promise.resolve(undefined);
    const key = this.#take(lanes);
    if (key !== undefined) return Promise.resolve(key);
    return new Promise((resolve) => this.#waiters.push({ lanes, resolve }));
  }

  /** The worker is through with the key; if it was added meanwhile it waits again. */
  done(key: string): void {
    this.#processing.delete(key);
    const [again, doubted] = [this.#dirty.get(key), this.#doubted.get(key)];
    this.#dirty.delete(key);
    this.#doubted.delete(key);
    if (doubted?.isNews()) this.add(key, moreUrgent(doubted.lane, again));
    else if (again) this.add(key, again);
  }

  /** True once nothing more is to be begun. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Ends all waiting; what is being worked may finish. */
  close(): void {
    this.#closed = true;
    this.#alarms.clear();
    for (const waiter of this.#waiters.splice(0)) waiter.resolve(undefined);
  }

  #take(lanes: readonly Lane[]): string | undefined {
    for (const lane of lanes) {
      const next = this.#lane(lane).entries().next();
      if (next.done) continue;
      const [key, queuedAtMs] = next.value;
      this.#lane(lane).delete(key);
      this.#processing.set(key, { lane, queuedAtMs, takenAtMs: Date.now() });
      return key;
    }
    return undefined;
  }

  #wake(lane: Lane): void {
    const index = this.#waiters.findIndex(({ lanes }) => lanes.includes(lane));
    const [waiter] = index < 0 ? [] : this.#waiters.splice(index, 1);
    if (waiter) waiter.resolve(this.#take([lane]));
    else this.#tellWaiting(lane);
  }

  #lane(lane: Lane): Map<string, number> {
    const waiting = this.#waiting.get(lane);
    if (!waiting) throw new RangeError(`no lane is called ${lane}`);
    return waiting;
  }
}

function moreUrgent(a: Lane, b: Lane | undefined): Lane {
  if (b === undefined) return a;
  return LANES.indexOf(a) <= LANES.indexOf(b) ? a : b;
}
