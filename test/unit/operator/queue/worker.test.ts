import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Connection } from '../../../../src/clusters/connection.ts';
import { ApiError, ConnectionError, TerminalError } from '../../../../src/errors.ts';
import { done, type Result, requeueAfter } from '../../../../src/operator/decide/plan.ts';
import type { Lane } from '../../../../src/operator/keys.ts';
import { work } from '../../../../src/operator/queue/worker.ts';
import { WorkQueue } from '../../../../src/operator/queue/workqueue.ts';
import { Outcomes } from '../../../../src/operator/report/outcomes.ts';
import { createLog } from '../../../../src/telemetry/log.ts';
import { Metrics } from '../../../../src/telemetry/metrics.ts';
import { eventually } from '../../../support/eventually.ts';
import { status } from '../../../support/fake-api.ts';

const CONNECTION = { suspect: () => Promise.resolve() } as unknown as Connection;

let queue: WorkQueue;
let outcomes: Outcomes;
let worked: string[];
let reconcile: (key: string) => Promise<Result>;
let connection: Connection | undefined;
let running: Promise<void>;

beforeEach(() => {
  queue = new WorkQueue(() => 0);
  outcomes = new Outcomes(() => {});
  worked = [];
  connection = CONNECTION;
  reconcile = async () => done;
});
afterEach(async () => {
  queue.close();
  await running;
});

function start(lanes?: readonly Lane[]): void {
  const stream = new PassThrough();
  stream.resume();
  running = work(
    {
      cluster: 'c-1',
      queue,
      outcomes,
      log: createLog({ level: 'error', format: 'json', stream }),
      metrics: new Metrics(),
      connection: () => connection,
      reconcile: (key) => reconcile(key),
      worked: (key) => void worked.push(key),
    },
    lanes,
  );
}

describe('work', () => {
  test('a key that is done is forgotten', async () => {
    queue.add('token/a', 'normal');
    start();
    await eventually(() => expect(worked).toEqual(['token/a']));
    expect([queue.failures('token/a'), queue.size]).toEqual([0, 0]);
  });

  test('a key that failed comes back until it succeeds, and is pending meanwhile', async () => {
    let tries = 0;
    reconcile = async () => {
      tries += 1;
      if (tries < 3) throw new ConnectionError('Unreachable', 'no answer');
      return done;
    };
    queue.add('token/a', 'normal');
    start();
    await eventually(() => expect(tries).toBe(3));
    expect(outcomes.get('token/a')).toEqual({ state: 'pending' });
    await eventually(() => expect(queue.failures('token/a')).toBe(0));
  });

  // A server that asks for no wait at all, again and again, must not be answered without end.
  test('what the server asks for is no reason to come sooner than the own backoff', async () => {
    const waits: (number | undefined)[] = [];
    const own = queue.addRateLimited.bind(queue);
    queue.addRateLimited = (key, atLeastMs) => {
      waits.push(atLeastMs);
      own(key, atLeastMs);
    };
    reconcile = async () => {
      const asked = waits.length === 0 ? 0 : undefined;
      throw new ApiError('busy', {
        code: 429,
        statusReason: '',
        objectMissing: false,
        retryAfterMs: asked,
      });
    };
    queue.add('token/a', 'normal');
    start();
    await eventually(() => expect(waits).toHaveLength(3));
    expect([waits, queue.failures('token/a')]).toEqual([[0, undefined, undefined], 3]);
  });

  test('what a person must mend is not tried again', async () => {
    reconcile = async () => {
      throw new TerminalError('Rejected', 'no');
    };
    queue.add('token/a', 'normal');
    start();
    await eventually(() =>
      expect(outcomes.get('token/a')).toEqual({ state: 'failed', reason: 'Rejected', message: 'no' }),
    );
    expect([queue.failures('token/a'), worked]).toEqual([0, ['token/a']]);
  });

  test('what could not be taken away is told as what it is, and tried again', async () => {
    let tries = 0;
    reconcile = async () => {
      tries += 1;
      if (tries < 3) throw status(422, 'Invalid');
      return done;
    };
    queue.add('token/a', 'revocation');
    start();
    await eventually(() => expect(tries).toBe(3));
    expect(outcomes.get('token/a')).toMatchObject({ state: 'failed', reason: 'Rejected' });
  });

  test('what is forbidden is told as that, and tried again, a revocation within five seconds', async () => {
    let tries = 0;
    reconcile = async () => {
      tries += 1;
      if (tries < 4) throw status(403, 'Forbidden');
      return done;
    };
    queue.add('token/a', 'normal');
    queue.add('token/b', 'revocation');
    start();
    await eventually(() => expect(tries).toBe(5));
    for (const key of ['token/a', 'token/b'])
      expect(outcomes.get(key)).toMatchObject({ state: 'failed', reason: 'Forbidden' });
  });

  test('one key that fails does not stop the others', async () => {
    reconcile = async (key) => {
      if (key === 'token/bad') throw new Error('poison');
      return done;
    };
    for (const key of ['token/bad', 'token/a', 'token/b']) queue.add(key, 'normal');
    start();
    await eventually(() => expect(worked).toEqual(expect.arrayContaining(['token/a', 'token/b'])));
  });

  test('without a connection a key is let go: the session brings it back', async () => {
    connection = undefined;
    queue.add('token/a', 'normal');
    start();
    await eventually(() => expect(queue.size).toBe(0));
    expect([worked, queue.failures('token/a'), outcomes.has('token/a')]).toEqual([[], 0, false]);
  });

  test('a failure because the session was ended under our hands says nothing', async () => {
    reconcile = async () => {
      connection = undefined;
      throw new ConnectionError('Unreachable', 'closed');
    };
    queue.add('token/a', 'normal');
    start();
    await eventually(() => expect(worked).toEqual(['token/a']));
    expect([queue.failures('token/a'), outcomes.has('token/a')]).toEqual([0, false]);
  });

  // Rule: revocations go first in every queue. One that failed once is a revocation still.
  test('a revocation that failed goes first again', async () => {
    reconcile = async () => {
      if (worked.length === 0) throw new ConnectionError('Unreachable', 'no answer');
      return done;
    };
    queue.add('token/a', 'revocation');
    // A worker that takes nothing but revocations: what comes back in another lane never reaches it.
    start(['revocation']);
    await eventually(() => expect(worked).toEqual(['token/a', 'token/a']), { timeoutMs: 2_000 });
  });

  test('a result may ask for the key later', async () => {
    let times = 0;
    reconcile = async () => {
      times += 1;
      return times === 1 ? requeueAfter(5) : done;
    };
    queue.add('token/a', 'normal');
    start();
    await eventually(() => expect(times).toBe(2));
  });

  test('a closed queue ends it', async () => {
    start();
    queue.close();
    await expect(running).resolves.toBeUndefined();
  });
});
