import fc from 'fast-check';
import { expect, test } from 'vitest';
import { parseKey, tokenKey, userKey } from '../../../src/operator/keys.ts';
import { DeletionEvidence } from '../../../src/operator/upstream/deletions.ts';

test('a key tells kind and name again, whatever the name', () => {
  fc.assert(
    fc.property(fc.string(), (name) => {
      expect(parseKey(tokenKey(name))).toEqual({ kind: 'token', name });
      expect(parseKey(userKey(name))).toEqual({ kind: 'user', name });
    }),
  );
});

test('evidence is of the key that was told, and of no other', () => {
  const evidence = new DeletionEvidence();
  evidence.add(tokenKey('a'));
  expect([tokenKey('a'), tokenKey('b'), userKey('a')].map((key) => evidence.has(key))).toEqual([
    true,
    false,
    false,
  ]);
});
