import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { LANES, type Lane } from '../../../../src/operator/keys.ts';
import { WorkQueue } from '../../../../src/operator/queue/workqueue.ts';

const DAY = 86_400_000;

let queue: WorkQueue;
beforeEach(() => {
  vi.useFakeTimers();
  queue = new WorkQueue(() => 0);
});
afterEach(() => {
  queue.close();
  vi.useRealTimers();
});

/** All keys that wait, in the order in which one worker gets them. */
async function drain(): Promise<readonly string[]> {
  const keys: string[] = [];
  while (queue.size > 0) {
    const key = (await queue.get()) ?? '';
    keys.push(key);
    queue.done(key);
  }
  return keys;
}

describe('order', () => {
  test('revocations first, then what people did, then the background; each in order of arrival', async () => {
    queue.add('b1', 'background');
    queue.add('n1', 'normal');
    queue.add('b2', 'background');
    queue.add('r1', 'revocation');
    queue.add('n2', 'normal');
    queue.add('r2', 'revocation');
    expect(await drain()).toEqual(['r1', 'r2', 'n1', 'n2', 'b1', 'b2']);
  });

  test('a key that waits moves to a more urgent lane', async () => {
    queue.add('a', 'background');
    queue.add('b', 'normal');
    queue.add('a', 'revocation');
    expect(await drain()).toEqual(['a', 'b']);
  });

  test('and never to a less urgent one', async () => {
    queue.add('a', 'revocation');
    queue.add('b', 'normal');
    queue.add('a', 'background');
    expect(await drain()).toEqual(['a', 'b']);
  });

  test('a key is in the queue once', async () => {
    for (const lane of LANES) for (let i = 0; i < 3; i += 1) queue.add('a', lane);
    expect(queue.size).toBe(1);
    expect(await drain()).toEqual(['a']);
  });
});

describe('times', () => {
  test('of a key in hand: since when it had waited, and for how long it is worked', async () => {
    queue.add('a', 'normal');
    const queuedAtMs = Date.now();
    vi.advanceTimersByTime(2_000);
    expect(queue.oldestAgeMs(Date.now())).toBe(2_000);
    await queue.get();
    vi.advanceTimersByTime(3_000);
    expect(queue.queuedAtMs('a')).toBe(queuedAtMs);
    expect([queue.longestWorkedMs(Date.now()), queue.oldestAgeMs(Date.now())]).toEqual([3_000, 0]);
    queue.done('a');
    expect(queue.longestWorkedMs(Date.now())).toBe(0);
  });

  test('a key that moves to a more urgent lane has waited since it came', async () => {
    queue.add('a', 'background');
    const queuedAtMs = Date.now();
    vi.advanceTimersByTime(2_000);
    queue.add('a', 'revocation');
    await queue.get();
    expect(queue.queuedAtMs('a')).toBe(queuedAtMs);
  });
});

describe('hands', () => {
  test('a worker that waits is given the next key', async () => {
    const got = queue.get();
    queue.add('a', 'normal');
    expect(await got).toBe('a');
    expect(queue.size).toBe(0);
  });

  test('a key that is added while it is worked is worked once more, afterwards', async () => {
    queue.add('a', 'normal');
    await queue.get();
    queue.add('a', 'background');
    queue.add('a', 'normal');
    expect(queue.size).toBe(0);
    queue.done('a');
    expect(await drain()).toEqual(['a']);
  });

  test('the second time it is as urgent as the most urgent of the additions', async () => {
    queue.add('a', 'normal');
    await queue.get();
    queue.add('b', 'normal');
    queue.add('a', 'revocation');
    queue.add('a', 'background');
    queue.done('a');
    expect(await drain()).toEqual(['a', 'b']);
  });

  test('a worker for revocations only gets no other key', async () => {
    const revocation = queue.get(['revocation']);
    queue.add('n', 'normal');
    expect(await queue.get()).toBe('n');
    queue.add('r', 'revocation');
    expect(await revocation).toBe('r');
  });

  test('a revocation goes to a worker of its own while all others are busy', async () => {
    const special = queue.get(['revocation']);
    queue.add('slow', 'normal');
    await queue.get();
    queue.add('next', 'normal');
    queue.add('urgent', 'revocation');
    expect(await special).toBe('urgent');
    expect(queue.size).toBe(1);
  });

  test('a key that becomes urgent while it waits reaches a worker for revocations', async () => {
    const special = queue.get(['revocation']);
    queue.add('a', 'normal');
    queue.add('a', 'revocation');
    expect(await special).toBe('a');
    expect(queue.size).toBe(0);
  });
});

describe('addIf', () => {
  test('asks at once whether there is news for a key that nobody works', async () => {
    queue.addIf('a', 'normal', () => false);
    queue.addIf('b', 'normal', () => true);
    queue.addIf('c', 'normal');
    expect(await drain()).toEqual(['b', 'c']);
  });

  test.each([
    { isNewsAtEnd: false, left: [] },
    { isNewsAtEnd: true, left: ['a'] },
  ])('of a key that is worked, asks when it is done: $isNewsAtEnd', async ({ isNewsAtEnd, left }) => {
    let isNews = !isNewsAtEnd;
    queue.add('a', 'normal');
    await queue.get();
    queue.addIf('a', 'normal', () => isNews);
    isNews = isNewsAtEnd;
    queue.done('a');
    expect(await drain()).toEqual(left);
  });

  test('nothing that is certain is undone by what is asked', async () => {
    queue.add('a', 'normal');
    await queue.get();
    queue.addIf('a', 'normal', () => false);
    queue.addIf('a', 'normal');
    queue.addIf('a', 'normal', () => false);
    queue.add('a', 'revocation');
    queue.done('a');
    queue.add('b', 'normal');
    expect(await drain()).toEqual(['a', 'b']);
  });

  test('what was asked of one look is not asked of the next', async () => {
    queue.add('a', 'normal');
    await queue.get();
    queue.addIf('a', 'normal', () => true);
    queue.done('a');
    await queue.get();
    queue.done('a');
    expect(queue.size).toBe(0);
  });
});

describe('age', () => {
  test('is that of the key that has waited longest, in whatever lane', () => {
    queue.add('a', 'background');
    vi.advanceTimersByTime(100);
    queue.add('b', 'revocation');
    vi.advanceTimersByTime(50);
    expect(queue.oldestAgeMs(Date.now())).toBe(150);
  });

  test('is 0 when nothing waits', () => {
    expect(queue.oldestAgeMs(Date.now())).toBe(0);
  });

  test('counts from the first addition, also when the key moved to another lane', () => {
    queue.add('old', 'normal');
    vi.advanceTimersByTime(100);
    queue.add('young', 'revocation');
    queue.add('old', 'revocation');
    expect(queue.oldestAgeMs(Date.now())).toBe(100);
  });
});

describe('addAfter', () => {
  test('a key comes when it is due and not before', async () => {
    queue.addAfter('a', 1_000, 'normal');
    vi.advanceTimersByTime(999);
    expect(queue.size).toBe(0);
    vi.advanceTimersByTime(1);
    expect(await drain()).toEqual(['a']);
  });

  const orders = { 'the earlier one first': [100, 200], 'the later one first': [200, 100] };
  for (const [title, delays] of Object.entries(orders)) {
    test(`of several times the earliest counts, and only that: ${title}`, () => {
      for (const delay of delays) queue.addAfter('a', delay, 'normal');
      vi.advanceTimersByTime(100);
      expect([queue.size, vi.getTimerCount()]).toEqual([1, 0]);
    });
  }

  for (const days of [25, 60, 3650]) {
    test(`${days} days, longer than a timer takes, are waited out`, () => {
      queue.addAfter('a', days * DAY, 'revocation');
      vi.advanceTimersByTime(days * DAY - 1);
      expect(queue.size).toBe(0);
      vi.advanceTimersByTime(1);
      expect(queue.size).toBe(1);
    });
  }

  test('a hundred that are due in days have one timer, and each comes when it is due', () => {
    const dueMs = (index: number): number => DAY + index * 79_190_000;
    for (let index = 99; index >= 0; index -= 1) queue.addAfter(`k-${index}`, dueMs(index), 'revocation');
    expect(vi.getTimerCount()).toBe(1);
    let now = 0;
    for (let index = 0; index < 100; index += 1) {
      vi.advanceTimersByTime(dueMs(index) - 1 - now);
      expect(queue.size).toBe(index);
      vi.advanceTimersByTime(1);
      expect(queue.size).toBe(index + 1);
      now = dueMs(index);
    }
    expect(vi.getTimerCount()).toBe(0);
  });

  test('an earlier time replaces one of years', () => {
    queue.addAfter('a', 3650 * DAY, 'normal');
    queue.addAfter('a', 10, 'normal');
    vi.advanceTimersByTime(10);
    expect([queue.size, vi.getTimerCount()]).toEqual([1, 0]);
  });

  for (const delay of [0, -5]) {
    test(`${delay} ms is soon`, () => {
      queue.addAfter('a', delay, 'normal');
      vi.advanceTimersByTime(1);
      expect(queue.size).toBe(1);
    });
  }

  test('a key that is due while it is worked is worked once more', async () => {
    queue.add('a', 'normal');
    await queue.get();
    queue.addAfter('a', 10, 'revocation');
    vi.advanceTimersByTime(10);
    queue.done('a');
    expect(await drain()).toEqual(['a']);
  });

  test('adding at once does not undo the later time', async () => {
    queue.addAfter('a', 1_000, 'revocation');
    queue.add('a', 'normal');
    expect(await drain()).toEqual(['a']);
    vi.advanceTimersByTime(1_000);
    expect(await drain()).toEqual(['a']);
  });
});

describe('addRateLimited', () => {
  test('waits longer after each failure, and for ever at most a minute', () => {
    const waits = Array.from({ length: 15 }, () => {
      queue.addRateLimited('a');
      const before = Date.now();
      vi.advanceTimersToNextTimer();
      return Date.now() - before;
    });
    expect(waits.slice(0, 4)).toEqual([25, 50, 100, 200]);
    expect(Math.max(...waits)).toBe(30_000);
    expect(queue.failures('a')).toBe(15);
  });

  test('a revocation waits five seconds at most', async () => {
    queue.add('a', 'revocation');
    expect(await queue.get()).toBe('a');
    for (let failure = 1; failure <= 15; failure += 1) queue.addRateLimited('a');
    queue.done('a');
    vi.advanceTimersByTime(5_000);
    expect(await queue.get(['revocation'])).toBe('a');
  });

  test('keys fail apart', () => {
    queue.addRateLimited('a');
    queue.addRateLimited('a');
    queue.addRateLimited('b');
    expect([queue.failures('a'), queue.failures('b'), queue.failures('c')]).toEqual([2, 1, 0]);
  });

  test('forget ends it', () => {
    queue.addRateLimited('a');
    queue.forget('a');
    expect(queue.failures('a')).toBe(0);
  });
});

describe('what a server asks for', () => {
  test('puts a key off for longer than its own backoff, and counts as a failure', async () => {
    queue.addRateLimited('a', 5_000);
    vi.advanceTimersByTime(4_999);
    expect([queue.size, queue.failures('a')]).toEqual([0, 1]);
    vi.advanceTimersByTime(1);
    expect(queue.size).toBe(1);
  });

  test('does not bring it back sooner', () => {
    for (let failure = 1; failure <= 8; failure += 1) queue.addRateLimited('a', 0);
    queue.addRateLimited('b', 0);
    vi.advanceTimersByTime(24);
    expect(queue.size).toBe(0);
  });
});

describe('a clock that is set', () => {
  test('back or ahead neither freezes what is planned nor hurries it', () => {
    for (const jump of [-600_000, 600_000]) {
      queue.addAfter(`a ${jump}`, 50, 'revocation');
      vi.setSystemTime(Date.now() + jump);
      vi.advanceTimersByTime(49);
      expect(queue.size).toBe(0);
      vi.advanceTimersByTime(2);
      expect(queue.size).toBe(1);
      queue = new WorkQueue(() => 0);
    }
  });
});

describe('close', () => {
  test('everyone who waits is sent home, and no timer is left', async () => {
    const waiters = [queue.get(), queue.get(['revocation'])];
    queue.addAfter('a', 1_000, 'normal');
    queue.close();
    expect(await Promise.all(waiters)).toEqual([undefined, undefined]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test('nothing is taken in or given out any more', async () => {
    queue.add('a', 'normal');
    queue.close();
    queue.add('b', 'normal');
    queue.addAfter('c', 1, 'normal');
    expect(await queue.get()).toBeUndefined();
    expect(vi.getTimerCount()).toBe(0);
  });

  test('what is being worked may finish', async () => {
    queue.add('a', 'normal');
    await queue.get();
    queue.close();
    expect(() => queue.done('a')).not.toThrow();
  });
});

describe('whatever happens', () => {
  const lanes = fc.constantFrom<Lane>(...LANES);
  const keys = fc.constantFrom('a', 'b', 'c', 'd');
  const plainSteps = fc.oneof(
    fc.record({ verb: fc.constant('add' as const), key: keys, lane: lanes }),
    fc.record({ verb: fc.constant('addIf' as const), key: keys, lane: lanes, isNews: fc.boolean() }),
    fc.record({ verb: fc.constant('get' as const), special: fc.boolean() }),
    fc.record({ verb: fc.constant('done' as const), index: fc.nat({ max: 3 }) }),
  );
  const steps = fc.oneof(
    plainSteps,
    fc.record({
      verb: fc.constant('addAfter' as const),
      key: keys,
      lane: lanes,
      delay: fc.integer({ min: 1, max: 50 }),
    }),
    fc.record({ verb: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 60 }) }),
  );
  type PlainStep = typeof plainSteps extends fc.Arbitrary<infer S> ? S : never;

  /** What the queue owes: each key that was added since it was last handed out, in its most urgent lane. */
  class Model {
    readonly queue = new WorkQueue(() => 0);
    readonly owed = new Map<string, Lane>();
    readonly hands = new Set<string>();
    /** Of keys in hand: what the last question about each will be answered, and its lane. */
    readonly doubted = new Map<string, { isNews: boolean; lane: Lane }>();

    owe(key: string, lane: Lane): void {
      const before = this.owed.get(key) ?? lane;
      this.owed.set(key, LANES.indexOf(lane) < LANES.indexOf(before) ? lane : before);
    }

    taken(key: string): void {
      expect(this.hands.has(key), `${key} is in two hands`).toBe(false);
      expect(this.owed.has(key), `${key} was not added`).toBe(true);
      const free = [...this.owed]
        .filter(([other]) => !this.hands.has(other))
        .map(([, lane]) => LANES.indexOf(lane));
      const lane = this.owed.get(key) ?? 'background';
      expect(LANES.indexOf(lane), `${key} went before something more urgent`).toBe(Math.min(...free));
      this.owed.delete(key);
      this.hands.add(key);
    }
  }

  async function perform(model: Model, step: PlainStep): Promise<void> {
    const { queue } = model;
    switch (step.verb) {
      case 'add':
        queue.add(step.key, step.lane);
        model.owe(step.key, step.lane);
        return;
      case 'addIf': {
        const { key, lane, isNews } = step;
        const isInHand = model.hands.has(key);
        queue.addIf(key, lane, () => isNews);
        if (isInHand) model.doubted.set(key, { isNews, lane });
        else if (isNews) model.owe(key, lane);
        return;
      }
      case 'get': {
        const wanted = step.special ? (['revocation'] as const) : LANES;
        const free = [...model.owed].filter(
          ([key, lane]) => !model.hands.has(key) && wanted.some((each) => each === lane),
        );
        if (free.length === 0) return;
        const key = await queue.get(wanted);
        expect(key).toBeDefined();
        model.taken(key ?? '');
        return;
      }
      case 'done': {
        const key = [...model.hands][step.index];
        if (key === undefined) return;
        model.hands.delete(key);
        const { isNews, lane } = model.doubted.get(key) ?? {};
        model.doubted.delete(key);
        if (isNews && lane) model.owe(key, lane);
        queue.done(key);
      }
    }
  }

  test('a key is never in two hands, and nothing that was added is lost', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(plainSteps, { maxLength: 40 }), async (history) => {
        const model = new Model();
        for (const step of history) {
          await perform(model, step);
          const free = [...model.owed.keys()].filter((key) => !model.hands.has(key));
          expect(model.queue.size).toBe(free.length);
        }
        while (model.hands.size > 0) await perform(model, { verb: 'done', index: 0 });
        while (model.owed.size > 0) await perform(model, { verb: 'get', special: false });
        expect(model.queue.size).toBe(0);
        model.queue.close();
      }),
      { numRuns: 500 },
    );
  });

  test('with times as well: nothing that is due is lost, and nothing comes twice at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(steps, { maxLength: 40 }), async (history) => {
        const own = new WorkQueue(() => 0);
        const hands = new Set<string>();
        const owed = new Map<string, number>();
        const owe = (key: string, ms: number): void => {
          owed.set(key, Math.min(owed.get(key) ?? ms, ms));
        };
        const take = async (): Promise<void> => {
          const key = (await own.get()) ?? '';
          expect(hands.has(key)).toBe(false);
          hands.add(key);
          if ((owed.get(key) ?? Number.POSITIVE_INFINITY) <= Date.now()) owed.delete(key);
        };
        for (const step of history) {
          if (step.verb === 'add') {
            own.add(step.key, step.lane);
            owe(step.key, Date.now());
          } else if (step.verb === 'addAfter') {
            own.addAfter(step.key, step.delay, step.lane);
            owe(step.key, Date.now() + step.delay);
          } else if (step.verb === 'wait') vi.advanceTimersByTime(step.ms);
          else if (step.verb === 'get' && own.size > 0) await take();
          else if (step.verb === 'addIf') own.addIf(step.key, step.lane, () => false);
          else if (step.verb === 'done') {
            const key = [...hands][step.index];
            if (key !== undefined) own.done(key);
            hands.delete(key ?? '');
          }
        }
        for (const key of hands) own.done(key);
        hands.clear();
        vi.advanceTimersByTime(1_000);
        while (own.size > 0) await take();
        expect([...owed.keys()]).toEqual([]);
        own.close();
      }),
      { numRuns: 500 },
    );
  });
});
