import fc from 'fast-check';
import type { HashFormat } from '../../../src/hash/formats.ts';
import { acceptsSecret } from '../../../src/hash/limits.ts';

/** Secrets a format takes: any code points, not only the alphabet of today's tokens. */
export function secretsFor(format: HashFormat): fc.Arbitrary<string> {
  return fc
    .string({ unit: 'binary', minLength: 1, maxLength: 72 })
    .filter((secret) => acceptsSecret(format, secret));
}

/** Two different secrets; often one is the start of the other. */
export function secretPairsFor(format: HashFormat): fc.Arbitrary<[string, string]> {
  const secrets = secretsFor(format);
  return fc
    .oneof(
      fc.tuple(secrets, secrets),
      fc.tuple(secrets, secrets).map(([a, b]): [string, string] => [a, a + b]),
    )
    .filter(([a, b]) => a !== b && acceptsSecret(format, b));
}
