import { SecretRefusedError } from './errors.ts';
import type { HashFormat } from './format.ts';

/** bcrypt's key schedule reads no further than this. */
const BCRYPT_MAX_BYTES = 72;
const DEFAULT_MAX_BYTES = 4096;

/** Longest secret, in UTF-8 bytes, that a format takes. A longer one is refused, never cut. */
export function maxSecretBytes(algorithm: HashFormat): number {
  return algorithm === 'bcrypt' ? BCRYPT_MAX_BYTES : DEFAULT_MAX_BYTES;
}

/**
 * Whether a format can tell this secret from every other one.
 *
 * Besides a secret that is too long, this refuses the empty one, text with lone surrogates
 * (all of them become the same U+FFFD in UTF-8) and, for bcrypt, U+0000: bcrypt repeats
 * `secret + NUL` to fill its key, so that "a" and "a\0a" have the same hash.
 */
export function acceptsSecret(format: HashFormat, secret: string): boolean {
  const limit = maxSecretBytes(format);
  if (secret.length === 0 || secret.length > limit) return false;
  if (format === 'bcrypt' && secret.includes('\0')) return false;
  return secret.isWellFormed() && Buffer.byteLength(secret) <= limit;
}

/** @throws {SecretRefusedError} when {@link acceptsSecret} says no */
export function requireSecret(format: HashFormat, secret: string): void {
  if (acceptsSecret(format, secret)) return;
  throw new SecretRefusedError(
    `${format} takes 1 to ${maxSecretBytes(format)} bytes of well-formed text${format === 'bcrypt' ? ' without NUL' : ''}`,
  );
}
