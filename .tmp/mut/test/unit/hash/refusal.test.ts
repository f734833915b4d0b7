import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { HASH_ALGORITHMS } from '../../../src/hash/algorithms.ts';
import * as bcrypt from '../../../src/hash/bcrypt.ts';
import { detectFormat } from '../../../src/hash/detect.ts';
import { createHasher, SecretRefusedError } from '../../../src/hash/hasher.ts';
import { acceptsSecret, maxSecretBytes } from '../../../src/hash/limits.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import vectors from '../../vectors/hashes.json' with { type: 'json' };

describe('secrets', () => {
  test('bcrypt takes 72 bytes, the others 4096', () => {
    expect(maxSecretBytes('bcrypt')).toBe(72);
    for (const format of ['sha3-512', 'scrypt', 'sha256'] as const) expect(maxSecretBytes(format)).toBe(4096);
  });

  test('length is counted in UTF-8 bytes', () => {
    expect(acceptsSecret('bcrypt', 'é'.repeat(36))).toBe(true);
    expect(acceptsSecret('bcrypt', 'é'.repeat(37))).toBe(false);
    expect(acceptsSecret('sha3-512', 'é'.repeat(2048))).toBe(true);
    expect(acceptsSecret('sha3-512', 'é'.repeat(2049))).toBe(false);
  });

  test('a secret over 72 bytes does not verify against the bcrypt hash of its first 72', () => {
    const stored = bcrypt.hash('x'.repeat(72), bcrypt.newSalt(4));
    expect(bcrypt.verify('x'.repeat(72), stored)).toBe(true);
    expect(bcrypt.verify('x'.repeat(73), stored)).toBe(false);
  });

  test('a secret with a NUL, which bcrypt takes for another one, does not verify', () => {
    const stored = bcrypt.hash('a', bcrypt.newSalt(4));
    expect(bcrypt.verify('a\0a', stored)).toBe(false);
    expect(() => bcrypt.hash('a\0a')).toThrow(SecretRefusedError);
  });

  test('a secret with a lone surrogate, which UTF-8 cannot tell from others, does not verify', () => {
    expect(sha3.verify('\ud800', sha3.hash('\ufffd'))).toBe(false);
    expect(() => sha3.hash('\ud800')).toThrow(SecretRefusedError);
  });

  test('the empty secret is refused by each algorithm, and the error does not show a secret', async () => {
    const hasher = createHasher();
    for (const algorithm of HASH_ALGORITHMS) {
      await expect(hasher.hash(algorithm, '')).rejects.toThrow(SecretRefusedError);
      const error: unknown = await hasher.hash(algorithm, 'hunter2'.repeat(1000)).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(SecretRefusedError);
      expect(String(error)).not.toContain('hunter2');
    }
    expect(hasher.queued).toBe(0);
  });
});

describe('stored hashes', () => {
  /** Hash strings with a piece cut, doubled or exchanged: near misses of each layout. */
  const nearMisses = fc
    .tuple(
      fc.constantFrom(...vectors.verify.map(({ hash }) => hash), `$2b$04$${'.'.repeat(53)}`),
      fc.nat(140),
      fc.nat(3),
      fc.string({ maxLength: 3 }),
    )
    .map(([hash, at, cut, put]) => hash.slice(0, at) + put + hash.slice(at + cut));

  test('no string makes detection throw, and what is not detected is not verified', async () => {
    const hasher = createHasher();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(fc.string({ unit: 'binary' }), nearMisses),
        fc.string(),
        async (hash, secret) => {
          if (detectFormat(hash) !== undefined) return;
          expect(await hasher.verify(secret, hash)).toBe(false);
          expect(await hasher.verify(hash, hash)).toBe(false);
          expect(hasher.queued).toBe(0);
        },
      ),
      { numRuns: 2000 },
    );
  });

  test('a string of a megabyte is refused unread', () => {
    for (const unit of ['$', '$3:1:', 'A', '\n', '$1:00', ':']) {
      expect(detectFormat(unit.repeat(1_000_000))).toBeUndefined();
    }
  });
});
