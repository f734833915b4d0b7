import { createHash } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { upTo } from '../growing-cache.ts';

/** What an Event is about. */
export interface Regarding {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
}

export interface EventBody {
  readonly apiVersion: 'v1';
  readonly kind: 'Event';
  readonly metadata: { readonly name: string; readonly namespace: string };
  readonly [field: string]: unknown;
}

export interface EventSink {
  /** Creates the Event. Failures are the sink's to swallow: an Event is never worth a retry. */
  post(event: EventBody): Promise<void>;
}

/** Ours are about cluster-scoped objects: the API server takes those here only, and `kubectl describe` shows them. */
export const EVENT_NAMESPACE = 'default';
export const EVENT_SOURCE = 'ace-operator';

const REMEMBERED = 20_000;
const REPEAT_AFTER_MS = 60 * 60_000;
/** Events are for people; a backfill of thousands must not drown them, nor the API server. */
const BURST = 50;
const PER_SECOND = 10;

/**
 * Kubernetes Events, each at most once an hour, at a bounded rate.
 *
 * The name of an Event follows from what it says, so that another process (or this one, restarted) does not
 * say it again: the API server refuses the second.
 */
export class EventRecorder {
  readonly #sink: EventSink;
  readonly #onOutcome: (outcome: 'posted' | 'repeated' | 'dropped') => void;
  readonly #told = new LRUCache<string, true>({ ...upTo(REMEMBERED), ttl: REPEAT_AFTER_MS });
  /** A backfill's thousand good news must not crowd out the one bad. */
  readonly #budgets = { normal: new Budget(), warning: new Budget() };

  constructor(sink: EventSink, onOutcome: (outcome: 'posted' | 'repeated' | 'dropped') => void = () => {}) {
    this.#sink = sink;
    this.#onOutcome = onOutcome;
  }

  /** Names of Events that exist already, so that a restart repeats none. */
  remember(names: Iterable<string>): void {
    for (const name of names) this.#told.set(name, true);
  }

  record(regarding: Regarding, event: { reason: string; message: string; warning: boolean }): void {
    const budget = this.#budgets[event.warning ? 'warning' : 'normal'];
    // First: in a backfill most end here, and a name costs a digest.
    const name = budget.isEmpty ? undefined : eventName(regarding, event);
    const isRepeated = name !== undefined && this.#told.has(name);
    this.#onOutcome(name === undefined ? 'dropped' : isRepeated ? 'repeated' : 'posted');
    if (name === undefined || isRepeated) return;
    budget.take();
    this.#told.set(name, true);
    void this.#sink.post(this.#body(name, regarding, event));
  }

  #body(
    name: string,
    regarding: Regarding,
    event: { reason: string; message: string; warning: boolean },
  ): EventBody {
    const now = new Date().toISOString();
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name, namespace: EVENT_NAMESPACE },
      involvedObject: { ...regarding },
      type: event.warning ? 'Warning' : 'Normal',
      reason: event.reason,
      message: event.message.slice(0, 1000),
      source: { component: EVENT_SOURCE },
      reportingComponent: EVENT_SOURCE,
      reportingInstance: EVENT_SOURCE,
      firstTimestamp: `${now.slice(0, 19)}Z`,
      lastTimestamp: `${now.slice(0, 19)}Z`,
      count: 1,
    };
  }
}

/** So many at once, and so many a second. */
class Budget {
  #left = BURST;
  /** By a clock that nobody sets. */
  #refilledAtMs = performance.now();

  get isEmpty(): boolean {
    const now = performance.now();
    this.#left = Math.min(BURST, this.#left + ((now - this.#refilledAtMs) / 1000) * PER_SECOND);
    this.#refilledAtMs = now;
    return this.#left < 1;
  }

  take(): void {
    this.#left -= 1;
  }
}

function eventName(regarding: Regarding, event: { reason: string; message: string }): string {
  const identity = JSON.stringify([regarding.kind, regarding.uid, event.reason, event.message]);
  const digest = createHash('sha256').update(identity).digest('hex').slice(0, 16);
  // Cut anywhere, a name may end in what a name must not end in.
  return `${regarding.name.slice(0, 200).replace(/[^a-z0-9]+$/, '')}.${digest}`;
}
