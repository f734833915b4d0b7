import { createSecretKey } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { BusyError } from '../../../src/authenticator/check-queue.ts';
import { type RightSecret, VerifiedSecrets } from '../../../src/authenticator/verified.ts';

/** Checks by a plain comparison, which the test lets pass one by one when `slow`. */
function aVerified(options: { slow?: boolean; maxEntries?: number; concurrency?: number } = {}): {
  verified: VerifiedSecrets;
  checks: string[];
  rights: RightSecret[];
  pass(): void;
  running(): number;
} {
  const checks: string[] = [];
  const gates: (() => void)[] = [];
  const rights: RightSecret[] = [];
  const verified = new VerifiedSecrets({
    maxEntries: options.maxEntries ?? 10,
    concurrency: options.concurrency ?? 2,
    holdMs: 10,
    key: KEY,
    onRight: (right) => void rights.push(right),
    isSlow: () => options.slow ?? false,
    verify: async (secret, hash) => {
      checks.push(secret);
      if (options.slow) await new Promise<void>((resolve) => gates.push(resolve));
      if (secret === 'fault') throw new Error('a fault');
      return `hash of ${secret}` === hash;
    },
  });
  return { verified, checks, rights, pass: () => gates.shift()?.(), running: () => gates.length };
}

const KEY = createSecretKey(Buffer.alloc(32, 7));
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('VerifiedSecrets', () => {
  test('remembers what matched and what did not, for that hash only', async () => {
    const { verified, checks } = aVerified();
    expect(await verified.matches('a', 's', 'hash of s')).toBe(true);
    expect(await verified.matches('a', 's', 'hash of s')).toBe(true);
    expect(await verified.matches('a', 't', 'hash of s')).toBe(false);
    expect(await verified.matches('a', 't', 'hash of s')).toBe(false);
    expect(checks).toEqual(['s', 't']);
    expect(await verified.matches('a', 's', 'hash of t')).toBe(false);
    expect(await verified.matches('a', 't', 'hash of t')).toBe(true);
    expect(checks).toEqual(['s', 't', 's', 't']);
    expect({ hits: verified.hits, misses: verified.misses }).toEqual({ hits: 2, misses: 4 });
  });

  test('the same secret under two names is two things', async () => {
    const { verified, checks } = aVerified();
    await verified.matches('a', 's', 'hash of s');
    await verified.matches('b', 's', 'hash of s');
    expect(checks).toHaveLength(2);
  });

  test('different secrets are different, also those that UTF-8 cannot tell apart', async () => {
    const { verified } = aVerified();
    expect(await verified.matches('a', '\ufffd', 'hash of \ufffd')).toBe(true);
    expect(await verified.matches('a', '\ud800', 'hash of \ufffd')).toBe(false);
    expect(await verified.matches('b', '\udfff', 'hash of \ufffd')).toBe(false);
    expect(await verified.matches('b', '\ufffd', 'hash of \ufffd')).toBe(true);
  });

  test('wrong secrets never push a right one out', async () => {
    const { verified, checks } = aVerified({ maxEntries: 5 });
    for (let index = 0; index < 5; index += 1) await verified.matches(`t-${index}`, 's', 'hash of s');
    for (let index = 0; index < 500; index += 1) await verified.matches('t-0', `guess-${index}`, 'hash of s');
    const before = checks.length;
    for (let index = 0; index < 5; index += 1) {
      expect(await verified.matches(`t-${index}`, 's', 'hash of s')).toBe(true);
    }
    expect(checks).toHaveLength(before);
  });

  test('is bounded', async () => {
    const { verified } = aVerified({ maxEntries: 5 });
    for (let index = 0; index < 50; index += 1) {
      await verified.matches(`t-${index}`, 's', 'hash of s');
      await verified.matches(`t-${index}`, 'x', 'hash of s');
    }
    expect(verified.size).toBe(10);
  });

  test('equal checks at the same time are one', async () => {
    const { verified, checks, pass } = aVerified({ slow: true });
    const all = Promise.all(Array.from({ length: 500 }, () => verified.matches('a', 's', 'hash of s')));
    await turn();
    pass();
    expect(new Set(await all)).toEqual(new Set([true]));
    expect(checks).toEqual(['s']);
  });

  test('slow checks of one name are made one at a time, those of other names meanwhile', async () => {
    const { verified, checks, pass, running } = aVerified({ slow: true });
    const done: string[] = [];
    const check = (name: string, secret: string): Promise<unknown> =>
      verified.matches(name, secret, 'hash of s').then(() => done.push(`${name}:${secret}`));
    const all = Promise.all([check('a', '1'), check('a', '2'), check('a', '3'), check('b', '1')]);
    await turn();
    expect(running()).toBe(2);
    expect(checks).toEqual(['1', '1']);
    for (let left = 4; left > 0; left -= 1) {
      pass();
      await turn();
    }
    await all;
    expect(done).toHaveLength(4);
  });

  test('beyond a thousand that wait on one name, who waited longest is told that it is busy', async () => {
    const { verified, checks, pass } = aVerified({ slow: true, maxEntries: 1_000 });
    const running = verified.matches('a', 'first', 'hash of s');
    await turn();
    const [oldest, ...others] = Array.from({ length: 1_000 }, (_, index) =>
      verified.matches('a', `${index}`, 'hash of s'),
    );
    const newest = verified.matches('a', 's', 'hash of s');
    await expect(oldest).rejects.toThrow(BusyError);
    while (verified.queued > 0) {
      pass();
      await turn();
    }
    expect(await newest).toBe(true);
    // With the right one known, the others need no check any more.
    expect(new Set(await Promise.all([running, ...others]))).toEqual(new Set([false]));
    expect(checks.length).toBeLessThan(1_002);
    expect(verified.queued).toBe(0);
  });

  test('with a right secret known, another one of that hash is wrong without a check', async () => {
    const { verified, checks, pass } = aVerified({ slow: true });
    const known = verified.matches('a', 's', 'hash of s');
    await turn();
    pass();
    expect(await known).toBe(true);
    for (let index = 0; index < 50; index += 1) {
      expect(await verified.matches('a', `guess ${index}`, 'hash of s')).toBe(false);
    }
    expect(checks).toEqual(['s']);
    const rotated = verified.matches('a', 'guess 1', 'hash of guess 1');
    await turn();
    pass();
    expect(await rotated).toBe(true);
  });

  test('names that were right before go first, names that are guessed at last', async () => {
    const { verified, checks, pass } = aVerified({ slow: true, concurrency: 1, maxEntries: 100 });
    const passed = async (asked: Promise<boolean>): Promise<boolean> => {
      await turn();
      pass();
      return asked;
    };
    await passed(verified.matches('owner', 's', 'hash of s'));
    for (let index = 0; index < 10; index += 1)
      await passed(verified.matches('victim', `g${index}`, 'hash of s'));
    checks.length = 0;
    const all = [
      verified.matches('busy', 'b', 'hash of b'),
      verified.matches('victim', 'v', 'hash of s'),
      verified.matches('fresh', 'f', 'hash of f'),
      verified.matches('owner', 'o', 'hash of o'),
    ];
    for (let left = 4; left > 0; left -= 1) {
      await turn();
      pass();
    }
    expect(await Promise.all(all)).toEqual([true, false, true, true]);
    expect(checks).toEqual(['b', 'o', 'f', 'v']);
  });

  test('a check that nobody waits for any more is not made', async () => {
    const { verified, checks, pass } = aVerified({ slow: true, concurrency: 1 });
    const first = verified.matches('a', '1', 'hash of s');
    await turn();
    const gone = verified.matches('b', '2', 'hash of s', () => true);
    // Two wait for the same: one of them is still there.
    const shared = [
      verified.matches('c', '3', 'hash of s', () => true),
      verified.matches('c', '3', 'hash of s', () => false),
    ];
    pass();
    await first;
    await expect(gone).rejects.toThrow(BusyError);
    await turn();
    pass();
    expect(await Promise.all(shared)).toEqual([false, false]);
    expect(checks).toEqual(['1', '3']);
  });

  test('what was right is known to a successor under the same key, for that hash only, and opens nothing', async () => {
    const { verified, rights } = aVerified();
    await verified.matches('a', 'secret-s', 'hash of secret-s');
    await verified.matches('b', 'wrong', 'hash of s');
    expect([...verified.rights()]).toEqual(rights);
    expect(rights.map(({ name }) => name)).toEqual(['a']);
    expect(JSON.stringify(rights)).not.toMatch(/secret-s|hash of/);
    const successor = aVerified();
    successor.verified.restore(rights);
    expect(await successor.verified.matches('a', 'secret-s', 'hash of secret-s')).toBe(true);
    expect(successor.checks).toEqual([]);
    expect(await successor.verified.matches('a', 'secret-s', 'hash of another')).toBe(false);
    expect(await successor.verified.matches('b', 'secret-s', 'hash of secret-s')).toBe(true);
    expect(successor.checks).toEqual(['secret-s', 'secret-s']);
  });

  test('a fault is not remembered, and does not hold up the line', async () => {
    const { verified, checks, pass } = aVerified({ slow: true });
    const faulty = verified.matches('a', 'fault', 'hash of s');
    const next = verified.matches('a', 't', 'hash of s');
    await turn();
    pass();
    await expect(faulty).rejects.toThrow('a fault');
    await turn();
    pass();
    expect(await next).toBe(false);
    const retried = verified.matches('a', 'fault', 'hash of s');
    await turn();
    pass();
    await expect(retried).rejects.toThrow('a fault');
    expect(checks).toEqual(['fault', 't', 'fault']);
  });
});
