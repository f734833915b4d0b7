import { describe, expect, test } from 'vitest';
import { askConfig } from '../../../src/config/ask.ts';
import { drainConfig } from '../../../src/config/drain.ts';
import { waitingTime } from '../../../src/config/flags.ts';
import { gcConfig } from '../../../src/config/gc.ts';
import { statusConfig, waitConfig } from '../../../src/config/status.ts';
import { tokenChangeConfig } from '../../../src/config/token.ts';
import { MAX_TIMER_MS, pause } from '../../../src/kube/backoff.ts';

const TIMERS: Readonly<Record<string, (value: string) => unknown>> = {
  'request-timeout': (value) => askConfig({ 'request-timeout': value }, {}, ''),
  'timeout of wait': (value) => waitConfig(['t-1'], { timeout: value }, {}, ''),
  'timeout of token delete': (value) => tokenChangeConfig({ timeout: value, wait: 'true' }, {}, ''),
  'timeout of drain': (value) => drainConfig({ timeout: value, wait: 'true' }, {}, '', ['c-1']),
  'time-limit': (value) => gcConfig({ 'time-limit': value }, {}, '', ['c-1']),
  interval: (value) => statusConfig([], { interval: value, watch: 'true' }, {}, ''),
};

describe.each(Object.entries(TIMERS))('--%s', (name, parse) => {
  // Node takes a timer of more than 2^31-1 ms for one of 1 ms.
  test.each(['8d', '25d', '999999h', '999999d'])('of %s is longer than anybody waits', (value) => {
    expect(() => parse(value)).toThrow(`nobody waits for longer than 7d here; got '${value}'`);
  });

  test('of a week is taken', () => expect(() => parse('7d')).not.toThrow());

  test('of nothing looks once where that means something, and is refused elsewhere', () => {
    if (name.startsWith('timeout')) expect(() => parse('0s')).not.toThrow();
    else expect(() => parse('0s')).toThrow('wanted some time');
  });
});

test('twice the longest time that can be asked for fits a timer', () => {
  expect(2 * waitingTime('x', '7d')).toBeLessThan(MAX_TIMER_MS);
});

test('a pause of more than a timer holds does not end at once', async () => {
  const stopped = new AbortController();
  const paused = pause(2 ** 40, stopped.signal).then(() => 'over');
  const turn = new Promise((resolve) => setTimeout(resolve, 50, 'still paused'));
  expect(await Promise.race([paused, turn])).toBe('still paused');
  stopped.abort();
  expect(await paused).toBe('over');
});
