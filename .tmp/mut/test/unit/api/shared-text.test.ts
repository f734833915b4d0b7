import { expect, test } from 'vitest';
import { sharedText } from '../../../src/api/shared-text.ts';

test('every text comes out as it went in, however many there were between', () => {
  for (let round = 0; round < 2; round += 1) {
    for (let index = 0; index < 10_000; index += 1) expect(sharedText(`text-${index}`)).toBe(`text-${index}`);
  }
});
