import { SecretRefusedError } from './errors.ts';

/** What a format takes for a secret. */
export interface SecretLimits {
  /** Longest secret in UTF-8 bytes. A longer one is refused, never cut. */
  readonly maxBytes: number;
  /** For a format by which two secrets that differ in U+0000 have the same hash. */
  readonly refusesNul?: boolean;
}

export const COMMON_LIMITS: SecretLimits = { maxBytes: 4096 };

/**
 * Whether a format of these limits can tell this secret from every other one. Besides one that is too long, this refuses the
 * empty one, and text with lone surrogates (all of them become the same U+FFFD in UTF-8).
 */
export function isWithin({ maxBytes, refusesNul }: SecretLimits, secret: string): boolean {
  if (secret.length === 0 || secret.length > maxBytes) return false;
  if (refusesNul && secret.includes('\0')) return false;
  return secret.isWellFormed() && Buffer.byteLength(secret) <= maxBytes;
}

/** @throws {SecretRefusedError} when {@link isWithin} says no */
export function requireWithin(format: string, limits: SecretLimits, secret: string): void {
  if (isWithin(limits, secret)) return;
  throw new SecretRefusedError(
    `${format} takes 1 to ${limits.maxBytes} bytes of well-formed text${limits.refusesNul ? ' without NUL' : ''}`,
  );
}
