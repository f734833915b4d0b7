import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseTime } from '../../../src/api/parse-fields.ts';
import { effectiveExpiryMs, formatTime } from '../../../src/derive/expiry.ts';
import { HOUR, NOW } from '../../support/builders.ts';

const LATEST = 253_402_300_799_000;

describe('effectiveExpiryMs', () => {
  const cases = {
    'neither expiresAt nor ttl: never': { ttlMs: 0, expiresAtMs: undefined, want: undefined },
    'expiresAt alone counts': { ttlMs: 0, expiresAtMs: NOW + HOUR, want: NOW + HOUR },
    'ttl alone counts, from creation': { ttlMs: HOUR, expiresAtMs: undefined, want: NOW + HOUR },
    'the ttl wins where it ends first': { ttlMs: HOUR, expiresAtMs: NOW + 2 * HOUR, want: NOW + HOUR },
    'expiresAt wins where it is first': { ttlMs: 2 * HOUR, expiresAtMs: NOW + HOUR, want: NOW + HOUR },
    'an expiresAt of 1970 is no absence': { ttlMs: 0, expiresAtMs: 0, want: 0 },
    'a negative ttl ended before creation': { ttlMs: -HOUR, expiresAtMs: undefined, want: NOW - HOUR },
    'a ttl of a millisecond is rounded down to creation': { ttlMs: 1, expiresAtMs: undefined, want: NOW },
    'fractions of a second are cut, never rounded up': {
      ttlMs: 1_999,
      expiresAtMs: undefined,
      want: NOW + 1_000,
    },
    'a ttl beyond all calendars ends with them': {
      ttlMs: Number.MAX_SAFE_INTEGER,
      expiresAtMs: undefined,
      want: LATEST,
    },
  };
  for (const [title, { ttlMs, expiresAtMs, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(effectiveExpiryMs({ createdAtMs: NOW, ttlMs, expiresAtMs })).toBe(want);
    });
  }

  test('it is never later than either input, and whole seconds', () => {
    const time = fc.integer({ min: -62_167_219_200_000, max: LATEST });
    fc.assert(
      fc.property(
        time,
        fc.oneof(fc.constant(0), fc.maxSafeInteger()),
        fc.option(time, { nil: undefined }),
        (createdAtMs, ttlMs, expiresAtMs) => {
          const result = effectiveExpiryMs({ createdAtMs, ttlMs, expiresAtMs });
          if (result === undefined) {
            expect([ttlMs, expiresAtMs]).toEqual([0, undefined]);
            return;
          }
          expect(Math.abs(result % 1000)).toBe(0);
          if (ttlMs !== 0) expect(result).toBeLessThanOrEqual(createdAtMs + ttlMs);
          if (expiresAtMs !== undefined) expect(result).toBeLessThanOrEqual(expiresAtMs);
        },
      ),
      { numRuns: 1000 },
    );
  });
});

describe('formatTime', () => {
  const cases = {
    'UTC, whole seconds': { ms: NOW + 999, want: '2026-01-01T00:00:00Z' },
    'before 1970 is 1970: long past all the same': { ms: -62_167_219_200_001, want: '1970-01-01T00:00:00Z' },
    'past year 9999 is its last second': { ms: 8.64e15, want: '9999-12-31T23:59:59Z' },
    'infinity is the last second': { ms: Number.POSITIVE_INFINITY, want: '9999-12-31T23:59:59Z' },
  };
  for (const [title, { ms, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(formatTime(ms)).toBe(want);
    });
  }

  test('what it writes reads back as the same second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: LATEST }), (ms) => {
        expect(parseTime(formatTime(ms))).toBe(Math.floor(ms / 1000) * 1000);
      }),
    );
  });
});
