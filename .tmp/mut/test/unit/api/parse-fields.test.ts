import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { deepFreeze, parseMetadata, parseTime } from '../../../src/api/parse-fields.ts';
import { CANARY } from '../../support/builders.ts';

describe('parseTime', () => {
  const cases = {
    'UTC seconds, as Rancher writes them': { text: '2026-01-01T00:00:00Z', want: Date.UTC(2026, 0, 1) },
    'an offset counts': { text: '2026-01-01T02:00:00+02:00', want: Date.UTC(2026, 0, 1) },
    'a negative offset counts': { text: '2025-12-31T19:00:00-05:00', want: Date.UTC(2026, 0, 1) },
    'nanoseconds are cut': { text: '2026-01-01T00:00:00.123456789Z', want: Date.UTC(2026, 0, 1) + 123 },
    'a leap day exists in its year': { text: '2024-02-29T00:00:00Z', want: Date.UTC(2024, 1, 29) },
    'the last second of RFC 3339 is a time': { text: '9999-12-31T23:59:59Z', want: 253_402_300_799_000 },
    'a date alone is none': { text: '2026-01-01', want: undefined },
    'a time without zone is none': { text: '2026-01-01T00:00:00', want: undefined },
    'a space for the T is none': { text: '2026-01-01 00:00:00Z', want: undefined },
    'the words of another locale are none': { text: 'Thu, 01 Jan 2026 00:00:00 GMT', want: undefined },
    'a month 13 is none': { text: '2026-13-01T00:00:00Z', want: undefined },
    'a second 61 is none': { text: '2026-01-01T00:00:61Z', want: undefined },
    'an offset beyond a day is none': { text: '2026-01-01T00:00:00+99:99', want: undefined },
    'a five-digit year is none': { text: '10000-01-01T00:00:00Z', want: undefined },
    'a number is none': { text: '1767225600', want: undefined },
    'a second line is none': { text: '2026-01-01T00:00:00Z\n2027', want: undefined },
    'the empty string is none': { text: '', want: undefined },
  };
  for (const [title, { text, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(parseTime(text)).toBe(want);
    });
  }

  // Go (and so the authenticator and Rancher) refuses these; JavaScript rolls them over into the next day.
  for (const text of [
    '2026-02-30T00:00:00Z',
    '2025-02-29T00:00:00Z',
    '2026-04-31T00:00:00Z',
    '2026-01-01T24:00:00Z',
  ]) {
    test(`a day or hour that does not exist is no time: ${text}`, () => {
      expect(parseTime(text)).toBeUndefined();
    });
  }

  test('what formats as RFC 3339 parses to the same second', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 253_402_300_799 }), (seconds) => {
        expect(parseTime(`${new Date(seconds * 1000).toISOString().slice(0, 19)}Z`)).toBe(seconds * 1000);
      }),
    );
  });
});

describe('parseMetadata', () => {
  test('absent fields read as empty', () => {
    expect(parseMetadata({ metadata: { name: 'a' } })).toEqual({
      name: 'a',
      namespace: '',
      uid: '',
      resourceVersion: '',
      generation: 0,
    });
  });

  const unusable = {
    'no metadata': {},
    'no object': null,
    'a string': 'x',
    'an empty name': { metadata: { name: '' } },
    'a name that is a number': { metadata: { name: 7 } },
  };
  for (const [title, raw] of Object.entries(unusable)) {
    test(`${title} is an error, for no API server sends it`, () => {
      expect(() => parseMetadata(raw)).toThrow('object without usable metadata');
    });
  }

  test('the error does not repeat what was wrong', () => {
    const raw = { metadata: { name: 'a', uid: [CANARY], labels: { a: { b: CANARY } } } };
    expect(() => parseMetadata(raw)).toThrow(
      expect.not.objectContaining({ message: expect.stringContaining(CANARY) }),
    );
  });
});

describe('deepFreeze', () => {
  test('nothing below can be changed', () => {
    const frozen = deepFreeze({ list: [{ inner: { value: 1 } }] });
    expect(() => {
      (frozen.list[0] as { inner: { value: number } }).inner.value = 2;
    }).toThrow(TypeError);
    expect(() => frozen.list.push({ inner: { value: 3 } })).toThrow(TypeError);
  });

  test('takes what cannot be frozen as it is', () => {
    expect([deepFreeze(1), deepFreeze(null), deepFreeze(undefined), deepFreeze('a')]).toEqual([
      1,
      null,
      undefined,
      'a',
    ]);
  });

  test('takes nesting far deeper than any object of ours has', () => {
    const depth = 3_000;
    const nested: unknown = JSON.parse(`${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`);
    expect(() => deepFreeze(nested)).not.toThrow();
  });
});
