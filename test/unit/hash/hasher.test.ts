import { afterEach, describe, expect, test } from 'vitest';
import { HASH_ALGORITHMS } from '../../../src/hash/algorithms.ts';
import * as bcrypt from '../../../src/hash/bcrypt.ts';
import { detectFormat } from '../../../src/hash/detect.ts';
import {
  createHasher,
  type Hasher,
  HasherClosedError,
  type HasherOptions,
  HashQueueFullError,
} from '../../../src/hash/hasher.ts';
import { HashPool } from '../../../src/hash/pool.ts';
import * as scrypt from '../../../src/hash/scrypt.ts';
import vectors from '../../vectors/hashes.json' with { type: 'json' };

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((hasher) => hasher.close()));
});

function aHasher(options: HasherOptions = { bcryptCost: 4 }): Hasher {
  const hasher = createHasher(options);
  open.push(hasher);
  return hasher;
}

describe('createHasher', () => {
  test.each(HASH_ALGORITHMS)('%s: what it hashes it verifies, and nothing else', async (algorithm) => {
    const hasher = aHasher();
    const stored = await hasher.hash(algorithm, 'a secret');
    expect(detectFormat(stored)).toBe(algorithm);
    expect(await hasher.verify('a secret', stored)).toBe(true);
    expect(await hasher.verify('a secret', `${stored}\n`)).toBe(true);
    expect(await hasher.verify('a secretx', stored)).toBe(false);
  });

  test("verifies Rancher's vectors and refuses the others", { timeout: 30_000 }, async () => {
    const hasher = aHasher();
    for (const { secret, hash, matches } of vectors.verify) {
      expect(await hasher.verify(secret, hash)).toBe(matches);
    }
    for (const hash of vectors.refused) expect(await hasher.verify('hello world', hash)).toBe(false);
  });

  test('writes bcrypt at the cost it was given', async () => {
    expect(await aHasher({ bcryptCost: 5 }).hash('bcrypt', 'a secret')).toMatch(/^\$2b\$05\$/);
  });

  test('digests need no thread, bcrypt does', async () => {
    const hasher = aHasher();
    const digest = hasher.hash('sha3-512', 'a secret');
    expect(hasher.queued).toBe(0);
    const slow = hasher.hash('bcrypt', 'a secret');
    expect(hasher.queued).toBe(1);
    await Promise.all([digest, slow]);
  });

  test('a hash that waits is cancelled by its signal, and those around it are done', async () => {
    const hasher = aHasher({ threads: 1, bcryptCost: 4 });
    const controller = new AbortController();
    const first = hasher.hash('bcrypt', 'first');
    const cancelled = hasher.hash('bcrypt', 'cancelled', controller.signal);
    const last = hasher.hash('bcrypt', 'last');
    controller.abort(new Error('no longer wanted'));
    expect(hasher.queued).toBe(2);
    await expect(cancelled).rejects.toThrow('no longer wanted');
    expect(bcrypt.verify('first', await first)).toBe(true);
    expect(bcrypt.verify('last', await last)).toBe(true);
  });

  test('a hash that runs is given up by its signal, and the thread goes on', async () => {
    const hasher = aHasher({ threads: 1, bcryptCost: 4 });
    const controller = new AbortController();
    const given = hasher.hash('bcrypt', 'given up', controller.signal);
    const next = hasher.hash('bcrypt', 'next');
    controller.abort();
    await expect(given).rejects.toThrow(/aborted/);
    expect(bcrypt.verify('next', await next)).toBe(true);
    await expect(hasher.hash('bcrypt', 'too late', controller.signal)).rejects.toThrow(/aborted/);
  });

  test('refuses more than may wait, and takes work again afterwards', async () => {
    const hasher = aHasher({ threads: 1, maxQueue: 1, bcryptCost: 4 });
    const taken = [hasher.hash('bcrypt', 'runs'), hasher.hash('bcrypt', 'waits')];
    const stored = await bcrypt.hash('a secret', bcrypt.newSalt(4));
    await expect(hasher.hash('bcrypt', 'too many')).rejects.toThrow(HashQueueFullError);
    await expect(hasher.verify('a secret', stored)).rejects.toThrow(HashQueueFullError);
    await Promise.all(taken);
    expect(await hasher.verify('a secret', stored)).toBe(true);
  });

  test('a bound of no waiting at all still lets every thread work', async () => {
    const hasher = aHasher({ threads: 2, maxQueue: 0, bcryptCost: 4 });
    const taken = [hasher.hash('bcrypt', 'one'), hasher.hash('bcrypt', 'two')];
    await expect(hasher.hash('bcrypt', 'too many')).rejects.toThrow(HashQueueFullError);
    expect(await Promise.all(taken)).toHaveLength(2);
  });

  test('two scrypt checks are made at once, however many threads there are, and others do not wait for them', async () => {
    const done: { algorithm: string; fromMs: number; untilMs: number }[] = [];
    const hasher = aHasher({
      threads: 6,
      onDone: (_operation, algorithm, seconds) => {
        const untilMs = performance.now();
        done.push({ algorithm, fromMs: untilMs - seconds * 1000, untilMs });
      },
    });
    const [large, small] = [scrypt.hash('a secret'), bcrypt.hash('a secret', bcrypt.newSalt(4))];
    const checks = [large, large, large, large, large, large, large, large, small, small];
    await Promise.all(checks.map((stored) => hasher.verify('a secret', stored)));
    const larges = done.filter(({ algorithm }) => algorithm === 'scrypt');
    const atOnce = larges.map(
      ({ fromMs }) => larges.filter((other) => other.fromMs <= fromMs && fromMs < other.untilMs).length,
    );
    expect(Math.max(...atOnce)).toBe(2);
    expect(done.at(-1)?.algorithm).toBe('scrypt');
  });

  test('what may not wait is refused also while threads are idle', async () => {
    const hasher = aHasher({ threads: 4, maxQueue: 0 });
    const stored = scrypt.hash('a secret');
    const taken = [hasher.verify('a secret', stored), hasher.verify('a secret', stored)];
    await expect(hasher.verify('a secret', stored)).rejects.toThrow(HashQueueFullError);
    expect(await Promise.all(taken)).toEqual([true, true]);
  });

  test('groups take turns: one hash of a group does not wait for twenty of another', async () => {
    const hasher = aHasher({ threads: 1, bcryptCost: 4 });
    const order: string[] = [];
    const hash = (name: string, group?: string): Promise<unknown> =>
      hasher.hash('bcrypt', name, undefined, group).then(() => order.push(name));
    const many = Array.from({ length: 20 }, (_, index) => hash(`a-${index}`, 'a'));
    await Promise.all([...many, hash('b-0', 'b'), hash('b-1', 'b'), hash('alone')]);
    // The first runs at once; when the others came, the next turn was its group's.
    expect(order.slice(0, 7)).toEqual(['a-0', 'a-1', 'b-0', 'alone', 'a-2', 'b-1', 'a-3']);
    expect(order.filter((name) => name.startsWith('a-'))).toEqual(many.map((_, index) => `a-${index}`));
    expect(hasher.queued).toBe(0);
  });

  test('the bound on what may wait is one for all groups', async () => {
    const hasher = aHasher({ threads: 1, maxQueue: 2, bcryptCost: 4 });
    const taken = ['a', 'a', 'b'].map((group) => hasher.hash('bcrypt', 's', undefined, group));
    expect(hasher.queued).toBe(3);
    await expect(hasher.hash('bcrypt', 's', undefined, 'c')).rejects.toThrow(HashQueueFullError);
    await Promise.all(taken);
  });

  test('a group whose waiting hashes were all cancelled has no turn', async () => {
    const hasher = aHasher({ threads: 1, bcryptCost: 4 });
    const controller = new AbortController();
    const first = hasher.hash('bcrypt', 'first', undefined, 'a');
    const cancelled = hasher.hash('bcrypt', 'cancelled', controller.signal, 'b');
    const last = hasher.hash('bcrypt', 'last', undefined, 'a');
    controller.abort(new Error('no longer wanted'));
    await expect(cancelled).rejects.toThrow('no longer wanted');
    expect(await Promise.all([first, last])).toHaveLength(2);
    expect(hasher.queued).toBe(0);
  });

  test('close ends running and waiting work, and nothing is taken after it', async () => {
    const hasher = aHasher({ threads: 1, bcryptCost: 12 });
    const left = [hasher.hash('bcrypt', 'runs'), hasher.hash('bcrypt', 'waits')];
    const ends = left.map((hash) => expect(hash).rejects.toThrow(HasherClosedError));
    await hasher.close();
    await Promise.all(ends);
    expect(hasher.queued).toBe(0);
    await expect(hasher.hash('scrypt', 'late')).rejects.toThrow(HasherClosedError);
    await hasher.close();
  });

  test.each([{ threads: 0 }, { threads: 1.5 }, { bcryptCost: 3 }, { bcryptCost: 13 }])(
    'refuses %o',
    (options) => {
      expect(() => createHasher(options)).toThrow(RangeError);
    },
  );
});

describe('HashPool', () => {
  test('work fails, and does not hang, when its thread cannot start', async () => {
    const pool = new HashPool({ threads: 1, maxQueue: 10, worker: '/nonexistent/worker.js' });
    open.push(pool);
    const job = { kind: 'hash', algorithm: 'bcrypt', secret: 'hunter2', bcryptCost: 4 } as const;
    const results = await Promise.allSettled([pool.run(job), pool.run(job)]);
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { message: 'hash worker failed to run' } });
    }
    expect(pool.size).toBe(0);
  });
});
