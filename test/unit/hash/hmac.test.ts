import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Hmac } from '../../../src/hash/hmac.ts';

test('is what Node computes, for keys and texts of any length', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }),
      (key, parts) => {
        const wanted = createHmac('sha256', key);
        for (const part of parts) wanted.update(part);
        expect(new Hmac(key).digest(...parts)).toBe(wanted.digest('base64'));
      },
    ),
    { numRuns: 2_000 },
  );
});

test('is that of RFC 4231, case 2', () => {
  const digest = new Hmac(Buffer.from('Jefe')).digest(Buffer.from('what do ya want for nothing?'));
  expect(Buffer.from(digest, 'base64').toString('hex')).toBe(
    '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
  );
});
