import { describe, expect, test } from 'vitest';
import { hashNow } from '../../../src/hash/formats.ts';
import { hashKind, wouldStop } from '../../../src/hash/kinds.ts';

const SECRET = 'not-a-real-secret';

describe('the kind of a stored hash', () => {
  test('is its format, and where it is', () => {
    expect(hashKind(hashNow('sha3-512', SECRET), 'secret')).toBe('sha3-512');
    expect(hashKind(hashNow('sha3-512', SECRET), 'inline')).toBe('sha3-512-inline');
    expect(hashKind(hashNow('bcrypt', SECRET, 4), 'secret')).toBe('bcrypt');
  });

  test('of what nobody can verify is unreadable', () => {
    expect(hashKind('$9:nobody:knows', 'secret')).toBe('unreadable');
    expect(hashKind('', 'inline')).toBe('unreadable-inline');
  });
});

test('what would stop with another authenticator: bcrypt everywhere but here, Secrets with the oldest', () => {
  const counts = { bcrypt: 1, 'sha3-512': 2, 'sha256-inline': 4, 'scrypt-inline': 8, unreadable: 16 };
  expect(wouldStop(counts)).toEqual([
    { authenticator: 'ace-authenticator', tokens: 16 },
    { authenticator: 'kube-api-auth 0.2.5 or newer', tokens: 17 },
    { authenticator: 'kube-api-auth up to 0.2.4', tokens: 19 },
  ]);
});
