import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError, ConnectionError, TerminalError } from '../../../src/errors.ts';
import { createLog, type Log, type LogFields } from '../../../src/telemetry/log.ts';
import type { LogFormat, LogLevel } from '../../../src/telemetry/log-level.ts';
import { CANARY } from '../../support/builders.ts';

let stream: PassThrough;
let written: string;
beforeEach(() => {
  stream = new PassThrough();
  written = '';
  stream.on('data', (chunk: Buffer) => {
    written += chunk.toString();
  });
});
afterEach(() => {
  vi.useRealTimers();
});

const aLog = (level: LogLevel = 'debug', format: LogFormat = 'json'): Log =>
  createLog({ level, format, stream });

/** Everything that was written, once it is written out. */
async function lines(log: Log): Promise<readonly Record<string, unknown>[]> {
  await log.close();
  return text().map((line) => JSON.parse(line) as Record<string, unknown>);
}
const text = (): readonly string[] => written.split('\n').filter((line) => line !== '');

describe('a line', () => {
  test('has time, level, message and the fields given', async () => {
    const log = aLog();
    log.info('cluster connected', { cluster: 'c-1', durationMs: 5 });
    expect(await lines(log)).toEqual([
      {
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
        level: 'info',
        message: 'cluster connected',
        cluster: 'c-1',
        durationMs: 5,
      },
    ]);
  });

  test('is one line, whatever a field holds', async () => {
    const log = aLog();
    log.info('x', { detail: 'a\nlevel=error forged\r\n' });
    expect(await lines(log)).toMatchObject([{ detail: 'a\nlevel=error forged\r\n' }]);
  });

  test('as text: level, message, then values that cannot be mistaken', async () => {
    const log = aLog('debug', 'text');
    log.warn('reconcile failed', { cluster: 'c-1', detail: 'a b="c"\nnext' });
    await log.close();
    expect(text()).toHaveLength(1);
    expect(written).toMatch(/ WARN {2}reconcile failed cluster="c-1" detail="a b=\\"c\\"\\nnext"\n$/);
  });

  test('is left out below the level', async () => {
    const log = aLog('warn');
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    expect((await lines(log)).map(({ message }) => message)).toEqual(['c', 'd']);
  });

  test('leaves out what is undefined', async () => {
    const log = aLog();
    log.info('a', { token: undefined as unknown as string });
    expect(Object.keys((await lines(log))[0] ?? {}).sort()).toEqual(['level', 'message', 'timestamp']);
  });
});

describe('secrets', () => {
  const smuggled: Record<string, object> = {
    'a field of another name': { secret: CANARY, hash: CANARY, value: CANARY },
    'a whole object': { object: { token: CANARY } },
    headers: { headers: { authorization: CANARY } },
    'the properties of an error': {
      error: Object.assign(new Error('x'), { body: CANARY, response: { body: CANARY } }),
    },
    'the cause of an error': { error: new TerminalError('Rejected', 'no', { cause: new Error(CANARY) }) },
    'the further lines of a foreign error': { error: new Error(`HTTP-Code: 422\nBody: ${CANARY}`) },
    'something thrown that is no error': { error: { message: CANARY } },
    'a thrown string': { error: CANARY },
    'a nested message': { message: CANARY },
    'a symbol-like field': { splat: [CANARY], stack: CANARY },
  };
  for (const format of ['json', 'text'] as const) {
    for (const [title, fields] of Object.entries(smuggled)) {
      test(`${title}: not printed (${format})`, async () => {
        const log = aLog('debug', format);
        for (const level of ['error', 'warn', 'info', 'debug'] as const)
          log[level]('something', fields as LogFields);
        await log.close();
        expect(text().length).toBe(4);
        expect(written).not.toContain(CANARY);
        for (const line of text()) expect(line).toContain('something');
      });
    }
  }

  test('an error of ours is shown by its message alone', async () => {
    const log = aLog();
    const details = { code: 403, statusReason: 'Forbidden', objectMissing: false };
    log.error('a', { error: new ApiError('GET /x: 403 Forbidden', details) });
    log.error('b', {
      error: new ConnectionError('Unreachable', 'GET /y: no answer', { cause: new Error(CANARY) }),
    });
    expect((await lines(log)).map(({ error }) => error)).toEqual([
      'GET /x: 403 Forbidden',
      'GET /y: no answer',
    ]);
  });
});

describe('collapsing', () => {
  test('an identical warning is written the 1st, 2nd, 4th, 8th, … time, with how often', async () => {
    const log = aLog();
    for (let i = 0; i < 100; i += 1) log.warn('reconcile failed', { cluster: 'c-1', token: 'bad' });
    expect((await lines(log)).map(({ count }) => count)).toEqual([undefined, 2, 4, 8, 16, 32, 64]);
  });

  test('what differs is told apart', async () => {
    const log = aLog();
    for (let i = 0; i < 3; i += 1) {
      log.warn('failed', { token: 'a' });
      log.warn('failed', { token: 'b' });
      log.error('failed', { token: 'a' });
      log.warn('failed otherwise', { token: 'a' });
    }
    expect(await lines(log)).toHaveLength(8);
  });

  test('times and counts do not make a difference', async () => {
    const log = aLog();
    for (let i = 0; i < 3; i += 1)
      log.warn('not connected', { cluster: 'c-1', delayMs: i, durationMs: i, count: i });
    expect(await lines(log)).toHaveLength(2);
  });

  test('another error is another line', async () => {
    const log = aLog();
    log.warn('failed', { error: new ConnectionError('Unreachable', 'a') });
    log.warn('failed', { error: new ConnectionError('Unreachable', 'b') });
    expect(await lines(log)).toHaveLength(2);
  });

  test('what goes on for long is told once an hour, with how often', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const log = aLog();
    const minutes = 60 * 26;
    for (let i = 0; i < minutes; i += 1) {
      log.warn('cluster not connected', { cluster: 'c-1' });
      clock.mockReturnValue(1_000 + (i + 1) * 60_000);
    }
    clock.mockRestore();
    const counts = (await lines(log)).map(({ count }) => Number(count ?? 1));
    // Never longer than an hour between two lines, and not much more often.
    const gaps = counts.map((count, index) => count - (counts[index - 1] ?? 0));
    expect(Math.max(...gaps)).toBe(60);
    expect(counts.length).toBeLessThan(26 + Math.log2(minutes) + 1);
  });

  test('after an hour without it, it is told at once', async () => {
    const clock = vi.spyOn(performance, 'now').mockReturnValue(1_000);
    const log = aLog();
    for (let i = 0; i < 5; i += 1) log.warn('cluster not connected', { cluster: 'c-1' });
    clock.mockReturnValue(1_000 + 2 * 3_600_000);
    log.warn('cluster not connected', { cluster: 'c-1' });
    clock.mockRestore();
    expect((await lines(log)).map(({ count }) => count)).toEqual([undefined, 2, 4, 6]);
  });

  test('information is never collapsed', async () => {
    const log = aLog();
    for (let i = 0; i < 5; i += 1) log.info('cluster connected', { cluster: 'c-1' });
    expect(await lines(log)).toHaveLength(5);
  });
});
