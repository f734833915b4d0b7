import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { HashChecks } from '../../../src/hash/checks.ts';
import { createHasher, type Hasher } from '../../../src/hash/hasher.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';

let hasher: Hasher;
let checks: HashChecks;
beforeEach(() => {
  hasher = createHasher({ bcryptCost: 4 });
  checks = new HashChecks(hasher);
});
afterEach(async () => {
  await hasher.close();
});

const found = (secret: string, hash: string): Promise<boolean | undefined> =>
  new Promise((resolve) => checks.start({ secret, hash }, resolve));

describe('whether a hash is of a secret', () => {
  test('is known at once where that takes microseconds, and where it cannot be', () => {
    const hash = sha3.hash('secret-1');
    expect(checks.known({ secret: 'secret-1', hash })).toBe(true);
    expect(checks.known({ secret: 'secret-2', hash })).toBe(false);
    expect(checks.known({ secret: 'secret-1', hash: 'nonsense' })).toBe(false);
  });

  test('is found out for a slow one, and known from then on', async () => {
    const hash = await hasher.hash('bcrypt', 'secret-1');
    for (const [secret, isMatch] of [
      ['secret-1', true],
      ['secret-2', false],
    ] as const) {
      expect(checks.known({ secret, hash })).toBeUndefined();
      expect(await found(secret, hash)).toBe(isMatch);
      expect(checks.known({ secret, hash })).toBe(isMatch);
    }
    expect(checks.pending).toBe(0);
  });

  test('is found out once, however many ask', async () => {
    const hash = await hasher.hash('bcrypt', 'secret-1');
    let verified = 0;
    checks = new HashChecks({
      verify: (...asked) => {
        verified += 1;
        return hasher.verify(...asked);
      },
    });
    expect(await Promise.all([found('secret-1', hash), found('secret-1', hash)])).toEqual([true, true]);
    expect(verified).toBe(1);
  });

  test('stays open when it could not be found out', async () => {
    const hash = await hasher.hash('bcrypt', 'secret-1');
    await hasher.close();
    expect(await found('secret-1', hash)).toBeUndefined();
    expect(checks.known({ secret: 'secret-1', hash })).toBeUndefined();
  });
});
