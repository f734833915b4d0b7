import { expect, test } from 'vitest';
import { MAX_VALUE } from '../../../src/api/parse-fields.ts';
import { parseToken } from '../../../src/api/parse-token.ts';
import { HASH_ALGORITHMS } from '../../../src/hash/algorithms.ts';
import { detectFormat } from '../../../src/hash/detect.ts';
import { acceptsSecret, maxSecretBytes } from '../../../src/hash/limits.ts';

const held = (token: string): string => {
  const { secret } = parseToken({ metadata: { name: 't' }, userId: 'u-ada', clusterName: 'c', token });
  return secret.kind === 'missing' ? '' : secret.value;
};

test.each(HASH_ALGORITHMS)('%s takes no secret that is longer than what is held of one', (algorithm) => {
  expect(maxSecretBytes(algorithm)).toBeLessThanOrEqual(MAX_VALUE);
  expect(acceptsSecret(algorithm, held('s'.repeat(MAX_VALUE + 1)))).toBe(false);
});

test('the longest secret is held as it is, and what is held of a longer one is no hash', () => {
  expect(held('s'.repeat(MAX_VALUE))).toBe('s'.repeat(MAX_VALUE));
  expect(held('s'.repeat(1_000_000)).length).toBeLessThanOrEqual(MAX_VALUE + 1);
  expect(detectFormat(held('s'.repeat(1_000_000)))).toBeUndefined();
});
