import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import * as bcrypt from '../../../src/hash/bcrypt.ts';
import { detectFormat } from '../../../src/hash/detect.ts';
import type { HashFormat } from '../../../src/hash/formats.ts';
import * as scrypt from '../../../src/hash/scrypt.ts';
import * as sha3 from '../../../src/hash/sha3-512.ts';
import * as sha256 from '../../../src/hash/sha256.ts';
import vectors from '../../vectors/hashes.json' with { type: 'json' };
import { secretPairsFor } from './support.ts';

interface Format {
  hash(secret: string): string;
  verify(secret: string, hash: string): boolean;
  /** Examples a property is tried with: an scrypt costs 80 ms. */
  numRuns: number;
}

const FORMATS: Record<HashFormat, Format> = {
  bcrypt: {
    hash: (secret) => bcrypt.hash(secret, bcrypt.newSalt(4)),
    verify: bcrypt.verify,
    numRuns: 50,
  },
  'sha3-512': { hash: sha3.hash, verify: sha3.verify, numRuns: 300 },
  scrypt: { hash: scrypt.hash, verify: scrypt.verify, numRuns: 4 },
  sha256: { hash: sha256.hash, verify: sha256.verify, numRuns: 300 },
};

function verifyAny(secret: string, hash: string): boolean {
  return Object.values(FORMATS).some(({ verify }) => verify(secret, hash));
}

describe("Rancher's vectors", () => {
  test.each(vectors.verify)('$format: $secret is matched: $matches', ({ format, secret, hash, matches }) => {
    expect(detectFormat(hash)).toBe(format);
    expect(verifyAny(secret, hash)).toBe(matches);
  });

  test.each(vectors.refused)('refused: %s', (hash) => {
    expect(detectFormat(hash)).toBeUndefined();
    expect(verifyAny('hello world', hash)).toBe(false);
    expect(verifyAny('', hash)).toBe(false);
  });

  const salt = Buffer.from('0001020304050607', 'hex');
  const ofHelloWorld = vectors.verify.filter(({ secret, matches }) => matches && secret === 'hello world');
  test.each(ofHelloWorld)('$format is written as Rancher writes it', ({ format, secret, hash }) => {
    const write = { scrypt: scrypt.hash, sha256: sha256.hash, 'sha3-512': sha3.hash }[format];
    expect(write?.(secret, salt)).toBe(hash);
  });
});

describe.each(Object.entries(FORMATS))('%s', (format, { hash, verify, numRuns }) => {
  test('a hash is detected and verifies its own secret and no other', { timeout: 60_000 }, () => {
    fc.assert(
      fc.property(secretPairsFor(format as HashFormat), ([secret, other]) => {
        const stored = hash(secret);
        expect(detectFormat(stored)).toBe(format);
        expect(verify(secret, stored)).toBe(true);
        expect(verify(other, stored)).toBe(false);
      }),
      { numRuns },
    );
  });

  test('one trailing newline is ignored, more is refused', () => {
    const stored = hash('a secret');
    expect(verify('a secret', `${stored}\n`)).toBe(true);
    expect(verify('a secret', `${stored}\r\n`)).toBe(true);
    for (const odd of [`${stored}\n\n`, `\n${stored}`, `${stored} `, `${stored}\0`]) {
      expect(detectFormat(odd)).toBeUndefined();
      expect(verify('a secret', odd)).toBe(false);
    }
  });

  test('every hash has a salt of its own', () => {
    expect(hash('a secret')).not.toBe(hash('a secret'));
  });
});

describe('base64 fields', () => {
  const stored = vectors.verify.filter(({ format, matches }) => matches && format !== 'scrypt');

  test.each(stored)('spare bits that are not zero are refused: $format $secret', ({ secret, hash }) => {
    const fields = hash.split(':');
    for (const at of [fields.length - 1, fields.length - 2]) {
      const odd = fields.with(at, nextCharacter(fields[at] ?? '')).join(':');
      expect(detectFormat(odd)).toBeUndefined();
      expect(verifyAny(secret, odd)).toBe(false);
    }
  });

  /** Same bytes to a lenient decoder: the last character with its lowest spare bit set. */
  function nextCharacter(text: string): string {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
    const odd = text.slice(0, -1) + alphabet[alphabet.indexOf(text.at(-1) ?? '') + 1];
    expect(Buffer.from(odd, 'base64')).toEqual(Buffer.from(text, 'base64'));
    return odd;
  }
});

describe('bcrypt', () => {
  // Known answers of other implementations (jBCrypt's and crypt_blowfish's own tests).
  test.each([
    ['a', '$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe'],
    ['U*U', '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
    ['U*U', '$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW'],
  ])('verifies %s as others hashed it', (secret, hash) => {
    expect(bcrypt.verify(secret, hash)).toBe(true);
    expect(bcrypt.verify(`${secret}x`, hash)).toBe(false);
  });

  test('writes $2b$ at cost 10', () => {
    expect(bcrypt.hash('a secret')).toMatch(/^\$2b\$10\$/);
  });

  const stored = bcrypt.hash('a secret', bcrypt.newSalt(4));
  test.each([
    stored.replace('$2b$', '$2x$'),
    stored.replace('$2b$', '$2$'),
    stored.replace('$04$', '$03$'),
    stored.replace('$04$', '$15$'),
    stored.replace('$04$', '$31$'),
    stored.replace('$04$', '$4$'),
    stored.slice(0, -1),
    `${stored.slice(0, -1)}/`, // spare bits of the digest that are not zero
    `${stored.slice(0, 28)}/${stored.slice(29)}`, // and of the salt
  ])('refuses %s', (hash) => {
    expect(detectFormat(hash)).toBeUndefined();
    expect(bcrypt.verify('a secret', hash)).toBe(false);
  });
});

describe('scrypt', () => {
  const withCost = (cost: string): string => `$1:0001020304050607:${cost}:${'A'.repeat(85)}A`;

  test.each([
    '19:8:1',
    '14:17:1',
    '15:8:5',
    '18:8:1',
    '16:8:1',
    '16:1:1',
    '0:8:1',
    '015:8:1',
    '15:08:1',
    '15:0:1',
  ])('refuses the cost %s', (cost) => {
    expect(detectFormat(withCost(cost))).toBeUndefined();
    expect(scrypt.verify('a secret', withCost(cost))).toBe(false);
  });

  test.each(['1:1:1', '15:1:4', '16:7:1', '15:15:1', '14:16:4'])(
    'takes the cost %s without throwing',
    (cost) => {
      expect(detectFormat(withCost(cost))).toBe('scrypt');
      expect(scrypt.verify('a secret', withCost(cost))).toBe(false);
    },
  );
});
