import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../../../src/clusters/connection.ts';
import type { Course, Mode } from '../../../../src/derive/cluster-facts.ts';
import { Drain } from '../../../../src/operator/sweep/drain.ts';

const DAY_MS = 24 * 60 * 60_000;
const course = (mode: Mode): Course => ({ mode, reason: 'AceDisabled', message: '' });
const DRAINED = { course: course('drain'), wasDrained: true };

let isLeft: boolean | undefined | Error;
let looks: number;
let disproved: number;
let drain: Drain;
beforeEach(() => {
  vi.useFakeTimers();
  [isLeft, looks, disproved] = [false, 0, 0];
  drain = new Drain({
    holdsOurs: async () => {
      looks += 1;
      if (isLeft instanceof Error) throw isLeft;
      return isLeft;
    },
    disproved: () => {
      disproved += 1;
    },
  });
});
afterEach(() => {
  drain.stop();
  vi.useRealTimers();
});
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);

describe('a cluster whose status says that it is drained', () => {
  test('is looked at once by each process, and once a day', async () => {
    drain.configured(DRAINED, true);
    expect(drain.isDone).toBe(true);
    await pass(1_000);
    expect({ looks, disproved, isDone: drain.isDone }).toEqual({ looks: 1, disproved: 0, isDone: true });
    // Settings come again and again; that is no reason to look.
    drain.configured(DRAINED, false);
    await pass(DAY_MS / 2);
    expect(looks).toBe(1);
    await pass(DAY_MS);
    expect(looks).toBe(2);
  });

  test('and is not, is to be drained once more', async () => {
    isLeft = true;
    drain.configured(DRAINED, true);
    await pass(1_000);
    expect({ disproved, isDone: drain.isDone }).toEqual({ disproved: 1, isDone: false });
    await pass(2 * DAY_MS);
    expect(looks).toBe(1);
  });

  test('and is not reached, is tried again, ever less often, and stays drained until it tells otherwise', async () => {
    isLeft = new Error('unreachable');
    drain.configured(DRAINED, true);
    await pass(60_000);
    expect(looks).toBeGreaterThan(2);
    await pass(DAY_MS);
    const before = looks;
    await pass(DAY_MS);
    expect(looks - before).toBeLessThan(60);
    expect(drain.isDone).toBe(true);
    isLeft = true;
    await pass(60 * 60_000);
    expect({ disproved, isDone: drain.isDone }).toEqual({ disproved: 1, isDone: false });
  });

  test('and is in use by now, is not looked at', async () => {
    drain.configured(DRAINED, true);
    drain.configured({ course: course('propagate'), wasDrained: true }, false);
    await pass(2 * DAY_MS);
    expect({ looks, isDone: drain.isDone }).toEqual({ looks: 0, isDone: false });
  });
});

test('what this process saw to be empty is looked at a day later, too: a cluster may be put back', async () => {
  drain.configured({ course: course('drain'), wasDrained: false }, true);
  const connection = { observed: { isEmpty: true } } as unknown as Connection;
  expect(drain.ends('drain', { queue: { isIdle: true }, connection }, { reviewed: true })).toBe(true);
  isLeft = true;
  await pass(DAY_MS + 1_000);
  expect({ disproved, isDone: drain.isDone }).toEqual({ disproved: 1, isDone: false });
});
