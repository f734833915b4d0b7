import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeBase64, encodeBase64, matchLayout, newSalt } from './encoding.ts';
import { COMMON_LIMITS, isWithin, requireWithin } from './secret-limits.ts';

/** `$3:1:<salt>:<digest>`; variation 1 is SHA3-512; salt of 1 to 64 bytes. Layout: Rancher's v3 hasher. */
const LAYOUT = /^\$3:1:([A-Za-z0-9+/]{2,86}):([A-Za-z0-9+/]{86})$/;

/** The parts of a v3 hash, or undefined when it is not strictly one. */
export function parse(hash: string): { salt: Buffer; digest: Buffer } | undefined {
  const [, saltText = '', digestText = ''] = matchLayout(LAYOUT, hash) ?? [];
  const salt = decodeBase64(saltText);
  const digest = decodeBase64(digestText);
  return salt?.length && digest?.length ? { salt, digest } : undefined;
}

/**
 * Rancher's v3 hash of a secret: SHA3-512 over the salt's bytes and the secret's. Microseconds; runs inline.
 *
 * @param salt - 8 random bytes unless given
 * @throws {SecretRefusedError} when the secret is empty, over 4096 bytes or not well-formed
 */
export function hash(secret: string, salt: Uint8Array = newSalt()): string {
  requireWithin('sha3-512', COMMON_LIMITS, secret);
  return `$3:1:${encodeBase64(salt)}:${encodeBase64(digestOf(secret, salt))}`;
}

/** Whether the hash is a v3 one of this secret. Constant time over the digest; false for anything refused. */
export function verify(secret: string, hash: string): boolean {
  const parts = parse(hash);
  if (!parts || !isWithin(COMMON_LIMITS, secret)) return false;
  return timingSafeEqual(digestOf(secret, parts.salt), parts.digest);
}

function digestOf(secret: string, salt: Uint8Array): Buffer {
  return createHash('sha3-512').update(salt).update(secret, 'utf8').digest();
}
