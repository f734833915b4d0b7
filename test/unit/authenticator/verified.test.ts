import { describe, expect, test } from 'vitest';
import { BusyError, VerifiedSecrets } from '../../../src/authenticator/verified.ts';

/** Checks by a plain comparison, which the test lets pass one by one when `slow`. */
function aVerified(options: { slow?: boolean; maxEntries?: number } = {}): {
  verified: VerifiedSecrets;
  checks: string[];
  pass(): void;
  running(): number;
} {
  const checks: string[] = [];
  const gates: (() => void)[] = [];
  const verified = new VerifiedSecrets({
    maxEntries: options.maxEntries ?? 10,
    isSlow: () => options.slow ?? false,
    verify: async (secret, hash) => {
      checks.push(secret);
      if (options.slow) await new Promise<void>((resolve) => gates.push(resolve));
      if (secret === 'fault') throw new Error('a fault');
      return `hash of ${secret}` === hash;
    },
  });
  return { verified, checks, pass: () => gates.shift()?.(), running: () => gates.length };
}

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

  test('slow checks of one name are made one at a time, in order; those of other names meanwhile', async () => {
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
    expect(done.filter((name) => name.startsWith('a'))).toEqual(['a:1', 'a:2', 'a:3']);
  });

  test('beyond a hundred that wait on one name it says that it is busy, to all but the known ones', async () => {
    const { verified, pass } = aVerified({ slow: true, maxEntries: 1_000 });
    const known = verified.matches('a', 's', 'hash of s');
    await turn();
    pass();
    expect(await known).toBe(true);
    const waiting = Array.from({ length: 100 }, (_, index) => verified.matches('a', `${index}`, 'hash of s'));
    await expect(verified.matches('a', 'one more', 'hash of s')).rejects.toThrow(BusyError);
    expect(await verified.matches('a', 's', 'hash of s')).toBe(true);
    // One that waits already is no further one.
    const again = verified.matches('a', '99', 'hash of s');
    for (let left = 100; left > 0; left -= 1) {
      await turn();
      pass();
    }
    expect(new Set(await Promise.all([...waiting, again]))).toEqual(new Set([false]));
    const after = verified.matches('a', 'one more', 'hash of s');
    await turn();
    pass();
    expect(await after).toBe(false);
  });

  test('a fault is not remembered, and does not hold up the line', async () => {
    const { verified, checks, pass } = aVerified({ slow: true });
    const faulty = verified.matches('a', 'fault', 'hash of s');
    const next = verified.matches('a', 's', 'hash of s');
    await turn();
    pass();
    await expect(faulty).rejects.toThrow('a fault');
    await turn();
    pass();
    expect(await next).toBe(true);
    const retried = verified.matches('a', 'fault', 'hash of s');
    await turn();
    pass();
    await expect(retried).rejects.toThrow('a fault');
    expect(checks).toEqual(['fault', 's', 'fault']);
  });
});
