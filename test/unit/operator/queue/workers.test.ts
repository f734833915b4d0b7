import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Connection } from '../../../../src/clusters/connection.ts';
import { ConnectionError } from '../../../../src/errors.ts';
import { done, type Result } from '../../../../src/operator/decide/plan.ts';
import { SpareWorkers } from '../../../../src/operator/queue/spare-workers.ts';
import { Workers } from '../../../../src/operator/queue/workers.ts';
import { WorkQueue } from '../../../../src/operator/queue/workqueue.ts';
import { Outcomes } from '../../../../src/operator/report/outcomes.ts';
import { createLog } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';

const NOBODY = { begun: () => {}, done: () => {} };
const WAY_MS = 20;

let queue: WorkQueue;
let workers: Workers;
let atATime: number;
let most: number;
/** What a write takes, given how many are under way. */
let writeMs: (underWay: number) => number;
let reconcile: (key: string) => Promise<Result>;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  [atATime, most] = [0, 0];
  queue = new WorkQueue(() => 0);
  writeMs = () => WAY_MS;
  reconcile = async () => {
    const writes = workers.timed(NOBODY);
    atATime += 1;
    most = Math.max(most, atATime);
    writes.begun('create', 'Secret');
    await delay(writeMs(atATime));
    writes.done('create', 'Secret');
    atATime -= 1;
    return done;
  };
});
afterEach(async () => {
  queue.close();
  await passUntil(() => atATime === 0);
  await workers.ended();
  vi.useRealTimers();
});

function start(spare = new SpareWorkers(256, () => 0)): Workers {
  const stream = new PassThrough();
  stream.resume();
  const connection = { suspect: () => Promise.resolve() } as unknown as Connection;
  workers = new Workers(
    {
      ...{ cluster: 'c-1', queue, outcomes: new Outcomes(() => {}), metrics: new Metrics() },
      log: createLog({ level: 'error', format: 'json', stream }),
      connection: () => connection,
      reconcile: (key) => reconcile(key),
      worked: () => {},
    },
    spare,
  );
  return workers;
}

function add(count: number): void {
  for (let index = 0; index < count; index += 1) queue.add(`token/${index}`, 'normal');
}

const delay = (ms: number): Promise<void> => new Promise((resolve) => void setTimeout(resolve, ms));

/** Lets the clock run until it is so. */
async function passUntil(isSo: () => boolean): Promise<void> {
  for (let passed = 0; passed < 5_000 && !isSo(); passed += 1) await vi.advanceTimersByTimeAsync(2);
  expect(isSo()).toBe(true);
}

/** So many are lent to others. */
function lend(spare: SpareWorkers, count: number): number {
  spare.take(0);
  vi.advanceTimersByTime(60);
  let lent = 0;
  for (let tries = 0; tries < count && lent < count; tries += 1) lent += spare.take(1);
  return lent;
}

const whenIdle = (): Promise<void> => passUntil(() => queue.isIdle);

describe('Workers', () => {
  test('far away more keys are worked at a time, up to a bound, and the helpers end with the keys', async () => {
    start();
    add(2_000);
    await whenIdle();
    expect(most).toBe(64);
    await passUntil(() => workers.helpers === 0);
  });

  test('and all the more where it is farthest', async () => {
    writeMs = () => 400;
    start();
    add(1_000);
    await whenIdle();
    expect(most).toBe(64);
  });

  test('near, where more at a time only wait longer, there are sixteen at most', async () => {
    writeMs = (underWay) => 4 * underWay;
    start();
    add(300);
    await whenIdle();
    expect(most).toBe(16);
  });

  test('a few keys are worked by a few, each of whom needs a connection', async () => {
    start();
    add(8);
    await whenIdle();
    expect(most).toBe(4);
    most = 0;
    add(20);
    await whenIdle();
    expect(most).toBeLessThanOrEqual(12);
  });

  test('a key that waits while all that is in hand hangs is worked by another one', async () => {
    start();
    writeMs = () => 10_000;
    add(4);
    await vi.advanceTimersByTimeAsync(10);
    const hanging = reconcile;
    const worked: string[] = [];
    reconcile = async (key) => {
      worked.push(key);
      return done;
    };
    queue.add('token/good', 'normal');
    await vi.advanceTimersByTimeAsync(400);
    expect(worked).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    expect(worked).toEqual(['token/good']);
    // Until one of them hangs, too, there is another one each time.
    reconcile = hanging;
    for (let index = 10; index < 20; index += 1) {
      queue.add(`token/${index}`, 'normal');
      await vi.advanceTimersByTimeAsync(600);
    }
    expect([atATime, queue.size]).toEqual([14, 0]);
  });

  test('nobody is lent while the event loop has its hands full, but each cluster has its own helpers', async () => {
    let utilization = 0.95;
    start(new SpareWorkers(256, () => utilization));
    add(1_000);
    await whenIdle();
    expect(most).toBe(16);
    utilization = 0.5;
    add(2_000);
    await whenIdle();
    expect(most).toBe(64);
  });

  test('what the process has to spare is shared, and comes back', async () => {
    const spare = new SpareWorkers(40, () => 0);
    const others = lend(spare, 10);
    start(spare);
    add(2_000);
    await whenIdle();
    expect(most).toBeGreaterThan(16);
    // A quarter of what is left, each time that there is reason for more.
    expect(most).toBeLessThan(16 + 30);
    await passUntil(() => workers.helpers === 0);
    for (let back = 0; back < others; back += 1) spare.giveBack();
    expect(lend(spare, 10)).toBe(10);
  });

  test('a burst after one that ended in failures is worked by as many as any', async () => {
    start();
    const answers = reconcile;
    reconcile = async () => {
      await delay(WAY_MS);
      throw new ConnectionError('Unreachable', 'no answer');
    };
    add(16);
    await passUntil(() => queue.size === 0 && workers.helpers === 0);
    reconcile = answers;
    for (let index = 100; index < 200; index += 1) queue.add(`token/${index}`, 'normal');
    expect(workers.helpers).toBe(12);
    await vi.advanceTimersByTimeAsync(10);
    expect(atATime).toBe(12);
  });

  test('a revocation that waits is worked at once by another one', async () => {
    start();
    writeMs = () => 10_000;
    for (let index = 0; index < 20; index += 1) {
      queue.add(`token/${index}`, 'revocation');
      await vi.advanceTimersByTimeAsync(1);
    }
    expect([atATime, queue.size]).toEqual([20, 0]);
  });

  test('a cluster that stops answering is given half of the helpers that were lent, and half of those', async () => {
    start();
    add(5_000);
    await passUntil(() => workers.helpers === 60);
    reconcile = async () => {
      atATime += 1;
      await delay(WAY_MS);
      atATime -= 1;
      throw new ConnectionError('Unreachable', 'no answer');
    };
    await passUntil(() => workers.helpers <= 12);
    expect(queue.size).toBeGreaterThan(1_000);
  });

  test('what the process has to spare comes back from a cluster that is ended while busy', async () => {
    const spare = new SpareWorkers(256, () => 0);
    start(spare);
    add(5_000);
    await passUntil(() => workers.helpers === 60);
    queue.close();
    await passUntil(() => workers.helpers === 0);
    expect(lend(spare, 64)).toBe(64);
  });
});

test('an event loop that never rests has its hands full by its own measure, and one that waits has not', async () => {
  vi.useRealTimers();
  start();
  const spare = new SpareWorkers();
  expect(spare.take(1)).toBe(0);
  const busyUntilMs = performance.now() + 120;
  while (performance.now() < busyUntilMs);
  expect(spare.take(1)).toBe(0);
  await new Promise((resolve) => setTimeout(resolve, 120));
  expect(spare.take(1)).toBe(1);
  vi.useFakeTimers();
});
