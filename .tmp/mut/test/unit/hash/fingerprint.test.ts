import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fingerprint, fingerprintsEqual } from '../../../src/hash/fingerprint.ts';

const KEY = Buffer.alloc(32, 7);
const INPUT = { tokenUid: 'uid-1', algorithm: 'bcrypt', value: 'a secret', hash: '$2b$…' };

describe('fingerprint', () => {
  test('is the HMAC-SHA256 of the JSON array of its fields', () => {
    // printf '%s' '["uid-1","bcrypt","a secret","$2b$…"]' | openssl dgst -sha256 -mac HMAC -macopt hexkey:0707…
    expect(fingerprint(KEY, INPUT)).toBe('99fb73b0440dbb418f26d0d68e3b1c45c900a20a8a1110c1f9892d262356724d');
  });

  test.each(['tokenUid', 'algorithm', 'value', 'hash'] as const)('changes with %s', (field) => {
    expect(fingerprint(KEY, { ...INPUT, [field]: 'other' })).not.toBe(fingerprint(KEY, INPUT));
  });

  test('changes with the key, and refuses an empty one', () => {
    expect(fingerprint(Buffer.alloc(32, 8), INPUT)).not.toBe(fingerprint(KEY, INPUT));
    expect(() => fingerprint(Buffer.alloc(0), INPUT)).toThrow(RangeError);
  });

  test('keeps the fields apart, wherever a separator may stand', () => {
    const of = (tokenUid: string, algorithm: string): string =>
      fingerprint(KEY, { ...INPUT, tokenUid, algorithm });
    expect(of('a', 'b|c')).not.toBe(of('a|b', 'c'));
    expect(of('a', 'b","c')).not.toBe(of('a","b', 'c'));

    const four = fc.tuple(
      ...Array.from({ length: 4 }, () => fc.string({ unit: fc.constantFrom('a', '"', ',', '\\') })),
    );
    const print = ([tokenUid = '', algorithm = '', value = '', hash = '']: string[]): string =>
      fingerprint(KEY, { tokenUid, algorithm, value, hash });
    fc.assert(
      fc.property(four, four, (a, b) => {
        expect(print(a) === print(b)).toBe(JSON.stringify(a) === JSON.stringify(b));
      }),
      { numRuns: 1000 },
    );
  });
});

describe('fingerprintsEqual', () => {
  test('tells equal from unequal, whatever the strings', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (a, b) => {
        expect(fingerprintsEqual(a, b)).toBe(a === b);
        expect(fingerprintsEqual(a, a)).toBe(true);
      }),
    );
    expect(fingerprintsEqual(fingerprint(KEY, INPUT), '')).toBe(false);
  });
});
