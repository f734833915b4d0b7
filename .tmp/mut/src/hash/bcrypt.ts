import { compareSync, genSaltSync, hashSync, truncates } from 'bcryptjs';
import { matchLayout } from './encoding.ts';
import { isWithin, requireWithin, type SecretLimits } from './secret-limits.ts';

/** bcrypt's key schedule reads no further, and repeats `secret + NUL` to fill its key: "a" and "a\0a" have the same hash. */
export const LIMITS: SecretLimits = { maxBytes: 72, refusesNul: true };

/** The cost of new hashes: 2^10 rounds, some 70 ms. */
export const DEFAULT_COST = 10;
const MIN_COST = 4;
/** Some 0.3 s a hash; anything dearer would let one stored hash hold a thread for long. */
const MAX_COST = 12;

/**
 * `$2b$<cost>$<22 characters of salt><31 of digest>`, also `$2a$` and `$2y$`.
 *
 * Salt and digest do not fill their last character; its spare bits have to be zero, as every
 * implementation writes them and as bcryptjs compares them.
 */
const LAYOUT = /^\$2[aby]\$(\d\d)\$[./A-Za-z0-9]{21}[.Oeu][./A-Za-z0-9]{30}[.CGKOSWaeimquy26]$/;

/** Whether a cost (log2 of the rounds) is one that we write and verify: 4 to 12. */
export function isCost(cost: number): boolean {
  return Number.isInteger(cost) && cost >= MIN_COST && cost <= MAX_COST;
}

/** The hash without a trailing newline, or undefined when it is not a bcrypt one of cost 4 to 12. */
export function parse(hash: string): { text: string } | undefined {
  const [text = '', cost] = matchLayout(LAYOUT, hash) ?? [];
  return isCost(Number(cost)) ? { text } : undefined;
}

/** Whether a hash is a bcrypt one that is not verified for what that would cost. */
export function isTooCostly(hash: string): boolean {
  const [, cost] = matchLayout(LAYOUT, hash) ?? [];
  return Number(cost) > MAX_COST;
}

/** A fresh salt with its cost (4 to 12), in bcrypt's own notation. */
export function newSalt(cost: number = DEFAULT_COST): string {
  return genSaltSync(cost);
}

/**
 * The bcrypt hash of a secret, `$2b$`. Blocks for some 70 ms at cost 10: call it in a worker thread.
 *
 * @throws {SecretRefusedError} when the secret is empty, over 72 bytes, holds a NUL or is not well-formed
 */
export function hash(secret: string, salt: string = newSalt()): string {
  requireWithin('bcrypt', LIMITS, secret);
  return hashSync(secret, salt);
}

/** Whether the hash is a bcrypt one of this secret. Blocks as {@link hash} does; false for anything refused. */
export function verify(secret: string, hash: string): boolean {
  const parsed = parse(hash);
  // truncates() is the library's own opinion of 72 bytes: never let it cut, whatever our limit says.
  if (!parsed || !isWithin(LIMITS, secret) || truncates(secret)) return false;
  return compareSync(secret, parsed.text);
}
