import { MAX_TIMER_MS } from '../../kube/backoff.ts';
import type { Lane } from '../keys.ts';

/** What is due later than in two of these has no timer of its own. */
const NEAR_MS = 60_000;

interface Alarm {
  readonly dueMs: number;
  readonly lane: Lane;
  timer: NodeJS.Timeout | undefined;
}

/**
 * Keys that are due later, by a clock that nobody sets.
 *
 * Each token that will expire is one of them, and timers are dear: what is far away is only noted, and looked through, at most once a
 * minute, when the first of it comes near.
 */
export class Alarms {
  readonly #onDue: (key: string, lane: Lane) => void;
  readonly #byKey = new Map<string, Alarm>();
  /** When those that are far away are looked through. */
  #round: { readonly dueMs: number; readonly timer: NodeJS.Timeout } | undefined;

  constructor(onDue: (key: string, lane: Lane) => void) {
    this.#onDue = onDue;
  }

  /** Of several times for one key the earliest counts. */
  set(key: string, delayMs: number, lane: Lane): void {
    const dueMs = performance.now() + delayMs;
    const planned = this.#byKey.get(key);
    if (planned && planned.dueMs <= dueMs) return;
    clearTimeout(planned?.timer);
    const alarm: Alarm = { dueMs, lane, timer: undefined };
    this.#byKey.set(key, alarm);
    this.#wait(key, alarm);
  }

  clear(): void {
    clearTimeout(this.#round?.timer);
    this.#round = undefined;
    for (const { timer } of this.#byKey.values()) clearTimeout(timer);
    this.#byKey.clear();
  }

  #wait(key: string, alarm: Alarm): void {
    const leftMs = alarm.dueMs - performance.now();
    if (leftMs > 2 * NEAR_MS) this.#lookBefore(alarm.dueMs);
    else alarm.timer = setTimeout(() => this.#ring(key, alarm), Math.max(leftMs, 0));
  }

  #lookBefore(dueMs: number): void {
    const lookMs = dueMs - NEAR_MS;
    if (this.#round && this.#round.dueMs <= lookMs) return;
    clearTimeout(this.#round?.timer);
    const delayMs = Math.min(lookMs - performance.now(), MAX_TIMER_MS);
    this.#round = { dueMs: lookMs, timer: setTimeout(() => this.#look(), delayMs) };
  }

  #ring(key: string, alarm: Alarm): void {
    // A timer may fire a little too early.
    if (alarm.dueMs > performance.now()) {
      this.#wait(key, alarm);
      return;
    }
    this.#byKey.delete(key);
    if (this.#byKey.size === 0) this.clear();
    this.#onDue(key, alarm.lane);
  }

  #look(): void {
    this.#round = undefined;
    for (const [key, alarm] of this.#byKey) if (alarm.timer === undefined) this.#wait(key, alarm);
  }
}
