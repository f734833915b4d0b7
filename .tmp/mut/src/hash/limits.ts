import { formatOf, type HashFormat } from './formats.ts';
import { isWithin, requireWithin } from './secret-limits.ts';

/** Longest secret, in UTF-8 bytes, that a format takes. A longer one is refused, never cut. */
export function maxSecretBytes(format: HashFormat): number {
  return formatOf(format).limits.maxBytes;
}

/** Whether a format can tell this secret from every other one; what it refuses is said in `secret-limits.ts`. */
export function acceptsSecret(format: HashFormat, secret: string): boolean {
  return isWithin(formatOf(format).limits, secret);
}

/** @throws {SecretRefusedError} when {@link acceptsSecret} says no */
export function requireSecret(format: HashFormat, secret: string): void {
  requireWithin(format, formatOf(format).limits, secret);
}
