import { afterEach, describe, expect, test, vi } from 'vitest';
import { createHasher, type Hasher, HasherClosedError } from '../../../src/hash/hasher.ts';
import { HashStore } from '../../../src/hash/pending.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';

interface Call {
  algorithm: string;
  secret: string;
  signal: AbortSignal | undefined;
  resolve(hash: string): void;
  reject(error: unknown): void;
}

/** A hasher whose answers the test gives by hand. */
function aManualHasher(): { hasher: Hasher; calls: Call[] } {
  const calls: Call[] = [];
  const hasher: Hasher = {
    hash(algorithm, secret, signal) {
      const { promise, resolve, reject } = Promise.withResolvers<string>();
      signal?.addEventListener('abort', () => reject(signal.reason), { once: true });
      calls.push({ algorithm, secret, signal, resolve, reject });
      return promise;
    },
    verify: () => Promise.reject(new Error('not used')),
    queued: 0,
    close: () => Promise.resolve(),
  };
  return { hasher, calls };
}

/** Lets every promise that can settle do so. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

const ONE = { id: 'uid-1', algorithm: 'bcrypt', value: 'one' } as const;

afterEach(() => {
  vi.useRealTimers();
});

describe('HashStore', () => {
  test('one request is computed once, told once, and then there', async () => {
    const { hasher, calls } = aManualHasher();
    const store = new HashStore(hasher, {});
    const ready = vi.fn();
    for (let i = 0; i < 3; i += 1) expect(store.get(ONE, ready)).toBeUndefined();
    expect(store.pending).toBe(1);
    expect(calls).toHaveLength(1);
    expect(calls[0]).toMatchObject({ algorithm: 'bcrypt', secret: 'one' });

    calls[0]?.resolve('hash-1');
    await settled();
    expect(ready.mock.calls).toEqual([[]]);
    expect(store.pending).toBe(0);
    for (let i = 0; i < 3; i += 1) expect(store.get(ONE, ready)).toBe('hash-1');
    await settled();
    expect(ready).toHaveBeenCalledOnce();
    expect(calls).toHaveLength(1);
  });

  test('everyone who asked is told, also when another one throws', async () => {
    const { hasher, calls } = aManualHasher();
    const onError = vi.fn();
    const store = new HashStore(hasher, { onError });
    const second = vi.fn();
    store.get(ONE, () => {
      throw new Error('broken listener');
    });
    store.get(ONE, second);
    calls[0]?.resolve('hash-1');
    await settled();
    expect(second).toHaveBeenCalledOnce();
    expect(onError).toHaveBeenCalledOnce();
  });

  test('tokens do not share work, even with the same value', () => {
    const { hasher, calls } = aManualHasher();
    const store = new HashStore(hasher, {});
    store.get(ONE, () => {});
    store.get({ ...ONE, id: 'uid-2' }, () => {});
    expect(calls).toHaveLength(2);
  });

  test.each([
    ['value', { ...ONE, value: 'two' }],
    ['algorithm', { ...ONE, algorithm: 'scrypt' }],
  ] as const)('another %s replaces work under way, and all who waited are told', async (_, other) => {
    const { hasher, calls } = aManualHasher();
    const onError = vi.fn();
    const store = new HashStore(hasher, { onError });
    const [early, late] = [vi.fn(), vi.fn()];
    store.get(ONE, early);
    store.get(other, late);
    expect(calls[0]?.signal?.aborted).toBe(true);
    expect(store.pending).toBe(1);

    await settled();
    expect(early).not.toHaveBeenCalled();
    calls[1]?.resolve('hash-2');
    await settled();
    expect(early).toHaveBeenCalledOnce();
    expect(late).toHaveBeenCalledOnce();
    expect(store.get(other, late)).toBe('hash-2');
    expect(onError).not.toHaveBeenCalled();
  });

  test('a result of an earlier value is not given for a later one', async () => {
    const { hasher, calls } = aManualHasher();
    const store = new HashStore(hasher, {});
    store.get(ONE, () => {});
    calls[0]?.resolve('hash-1');
    await settled();
    expect(store.get({ ...ONE, value: 'two' }, () => {})).toBeUndefined();
    calls[1]?.resolve('hash-2');
    await settled();
    expect(store.get({ ...ONE, value: 'two' }, () => {})).toBe('hash-2');
  });

  test('a replaced hash that comes late, abort ignored, is dropped', async () => {
    const answers: ((hash: string) => void)[] = [];
    const deaf = {
      ...aManualHasher().hasher,
      hash: () => new Promise<string>((resolve) => answers.push(resolve)),
    };
    const store = new HashStore(deaf, {});
    const ready = vi.fn();
    store.get(ONE, ready);
    store.get({ ...ONE, value: 'two' }, ready);
    answers[0]?.('hash-1');
    await settled();
    expect(ready).not.toHaveBeenCalled();
    expect(store.pending).toBe(1);
  });

  test('a forgotten token is neither computed on nor told, and starts afresh', async () => {
    const { hasher, calls } = aManualHasher();
    const onError = vi.fn();
    const store = new HashStore(hasher, { onError });
    const ready = vi.fn();
    store.get(ONE, ready);
    store.forget(ONE.id);
    expect(calls[0]?.signal?.aborted).toBe(true);
    expect(store.pending).toBe(0);
    await settled();
    expect(ready).not.toHaveBeenCalled();
    expect(onError).not.toHaveBeenCalled();

    store.get(ONE, ready);
    calls[1]?.resolve('hash-1');
    await settled();
    store.forget(ONE.id);
    expect(store.get(ONE, ready)).toBeUndefined();
    expect(calls).toHaveLength(3);
  });

  test('a failed try is reported and told, and asking again tries again', async () => {
    const { hasher, calls } = aManualHasher();
    const onError = vi.fn();
    const store = new HashStore(hasher, { onError });
    const ready = vi.fn();
    const failure = new Error('worker died');
    store.get(ONE, ready);
    calls[0]?.reject(failure);
    await settled();
    expect(onError.mock.calls).toEqual([[ONE.id, failure]]);
    expect(ready).toHaveBeenCalledOnce();
    expect(store.pending).toBe(0);

    expect(store.get(ONE, ready)).toBeUndefined();
    calls[1]?.resolve('hash-1');
    await settled();
    expect(ready).toHaveBeenCalledTimes(2);
    expect(store.get(ONE, ready)).toBe('hash-1');
  });

  test('a caller that asks again after each failure does not spin', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let tries = 0;
    const failing = {
      ...aManualHasher().hasher,
      hash: () => {
        tries += 1;
        return Promise.reject(new Error('worker died'));
      },
    };
    const store = new HashStore(failing, {});
    const ask = (): void => void store.get(ONE, ask);
    ask();
    await settled();
    expect(tries).toBe(2); // the second at once, the third after a second
    await vi.advanceTimersByTimeAsync(999);
    expect(tries).toBe(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(tries).toBe(3);
    await vi.advanceTimersByTimeAsync(2000);
    expect(tries).toBe(4);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(tries).toBeLessThan(80);

    store.forget(ONE.id);
    expect(vi.getTimerCount()).toBe(0);
    expect(store.pending).toBe(0);
  });

  test('a success ends a row of failures', async () => {
    const { hasher, calls } = aManualHasher();
    const store = new HashStore(hasher, {});
    const ready = vi.fn();
    store.get(ONE, ready);
    calls[0]?.reject(new Error('worker died'));
    await settled();
    store.get(ONE, ready);
    calls[1]?.resolve('hash-1');
    await settled();
    store.get({ ...ONE, value: 'two' }, ready);
    calls[2]?.reject(new Error('worker died'));
    await settled();
    expect(ready).toHaveBeenCalledTimes(3); // at once each time
  });

  test('closing the hasher is no failure to report, and nobody is asked to try again', async () => {
    const { hasher, calls } = aManualHasher();
    const onError = vi.fn();
    const store = new HashStore(hasher, { onError });
    const ready = vi.fn();
    store.get(ONE, ready);
    calls[0]?.reject(new HasherClosedError('hasher is closed'));
    await settled();
    expect(ready).not.toHaveBeenCalled();
    expect(onError).not.toHaveBeenCalled();
    expect(store.pending).toBe(0);
  });

  test('sha3-512 is there at once, the same each time, and takes over from work under way', async () => {
    const { hasher, calls } = aManualHasher();
    const store = new HashStore(hasher, {});
    const [early, ready] = [vi.fn(), vi.fn()];
    store.get(ONE, early);
    const hash = store.get({ ...ONE, algorithm: 'sha3-512' }, ready) ?? '';
    expect(early).not.toHaveBeenCalled();
    expect(sha3.verify('one', hash)).toBe(true);
    expect(store.get({ ...ONE, algorithm: 'sha3-512' }, ready)).toBe(hash);
    expect(calls).toHaveLength(1);
    expect(calls[0]?.signal?.aborted).toBe(true);
    await settled();
    expect(early).toHaveBeenCalledOnce();
    expect(ready).not.toHaveBeenCalled();
  });

  test('remembers no more results than it may, and work under way is not counted', async () => {
    const { hasher, calls } = aManualHasher();
    const store = new HashStore(hasher, { maxEntries: 2 });
    const request = (n: number) => ({ ...ONE, id: `uid-${n}` });
    for (const n of [1, 2, 3]) store.get(request(n), () => {});
    expect(store.pending).toBe(3);
    for (const [n, call] of calls.entries()) call.resolve(`hash-${n + 1}`);
    await settled();
    expect([1, 2, 3].map((n) => store.get(request(n), () => {}))).toEqual([undefined, 'hash-2', 'hash-3']);
  });

  test('an unusable secret is a failed try, with the real hasher', async () => {
    const hasher = createHasher();
    for (const algorithm of ['bcrypt', 'sha3-512'] as const) {
      const onError = vi.fn();
      const store = new HashStore(hasher, { onError });
      await new Promise<void>((ready) => {
        expect(store.get({ id: 'uid-1', algorithm, value: 'x'.repeat(5000) }, ready)).toBeUndefined();
      });
      expect(onError).toHaveBeenCalledOnce();
    }
    await hasher.close();
  });
});
