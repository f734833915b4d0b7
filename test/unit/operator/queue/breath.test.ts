import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { Breath } from '../../../../src/operator/queue/breath.ts';

/** Work of one millisecond at a time, by a clock that only work moves. */
function world(): {
  breath: Breath;
  now: () => number;
  pass: (ms: number) => void;
  work: (times: number) => Promise<void>;
} {
  let nowMs = 0;
  const breath = new Breath(setImmediate, () => nowMs);
  return {
    breath,
    now: () => nowMs,
    pass: (ms) => {
      nowMs += ms;
    },
    async work(times) {
      for (let done = 0; done < times; done += 1) {
        nowMs += 1;
        await breath.take();
      }
    },
  };
}

test.each([1, 2, 20])(
  '%d workers let others have a turn after five milliseconds, whatever their number',
  async (count) => {
    const { now, work } = world();
    let isOver = false;
    const workers = Promise.all(Array.from({ length: count }, () => work(50))).then(() => {
      isOver = true;
    });
    const turns: number[] = [];
    while (!isOver) {
      const beforeMs = now();
      await nextTurn();
      turns.push(now() - beforeMs);
    }
    await workers;
    expect(now()).toBe(50 * count);
    // The first turn is that in which all of them begin.
    expect(Math.max(...turns)).toBeLessThanOrEqual(6);
  },
);

test('whoever waits goes on in the order of arrival, and whoever comes meanwhile goes behind them', async () => {
  const { breath, pass } = world();
  const order: string[] = [];
  const wait = async (name: string): Promise<void> => {
    await breath.take();
    order.push(name);
  };
  pass(10);
  const first = wait('first').then(() => pass(10));
  const others = ['second', 'third'].map(wait);
  const last = first.then(() => wait('last'));
  await Promise.all([first, ...others, last]);
  expect(order).toEqual(['first', 'second', 'third', 'last']);
});

test('in one turn as many go on as one slice is enough for', async () => {
  const { breath, pass, now } = world();
  pass(10);
  const went: number[] = [];
  let turn = 0;
  const ticking = (async () => {
    while (went.length < 12) {
      await nextTurn();
      turn += 1;
    }
  })();
  await Promise.all(
    Array.from({ length: 12 }, async () => {
      await breath.take();
      went.push(turn);
      pass(1);
    }),
  );
  await ticking;
  expect(now()).toBe(22);
  // Twelve milliseconds of work, five in a turn.
  expect(new Set(went).size).toBe(3);
});
