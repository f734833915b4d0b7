import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { apiVersionOf, isObjectName, SECRETS, TOKENS } from '../../../src/api/names.ts';

describe('isObjectName', () => {
  const cases = {
    'a generated token name is one': { name: 'token-x7k2q', want: true },
    'dots separate labels': { name: 'a.b-c.0', want: true },
    'one character is enough': { name: 'a', want: true },
    '253 characters are the most': { name: 'a'.repeat(253), want: true },
    '254 characters are too many': { name: 'a'.repeat(254), want: false },
    'the empty string is none': { name: '', want: false },
    'capitals are refused': { name: 'Token-1', want: false },
    'underscores are refused': { name: 'a_b', want: false },
    'a slash would leave the path': { name: '../secrets/x', want: false },
    'no label begins with a hyphen': { name: '-a', want: false },
    'no label ends with a hyphen': { name: 'a-.b', want: false },
    'no label is empty': { name: 'a..b', want: false },
    'no dot ends it': { name: 'a.', want: false },
    'a newline at the end is no part of a name': { name: 'a\n', want: false },
    'unicode is refused': { name: 'tökén', want: false },
  };
  for (const [title, { name, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(isObjectName(name)).toBe(want);
    });
  }

  test('whatever it accepts needs no escaping in a path', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 12 }), (name) => {
        if (isObjectName(name)) expect(encodeURIComponent(name)).toBe(name);
      }),
      { numRuns: 1000 },
    );
  });

  test('a long name that just fails is refused without backtracking for ages', () => {
    expect(isObjectName(`${'a-'.repeat(100_000)}!`)).toBe(false);
  });
});

test('the core group has no slash in its apiVersion', () => {
  expect([apiVersionOf(SECRETS), apiVersionOf(TOKENS)]).toEqual(['v1', 'management.cattle.io/v3']);
});
