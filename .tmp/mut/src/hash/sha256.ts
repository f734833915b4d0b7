import { createHash, timingSafeEqual } from 'node:crypto';
import { decodeBase64, encodeBase64, matchLayout, newSalt } from './encoding.ts';
import { COMMON_LIMITS, isWithin, requireWithin } from './secret-limits.ts';

/** `$2:<salt>:<digest>`; salt of 1 to 64 bytes. Layout: Rancher's v2 hasher. */
const LAYOUT = /^\$2:([A-Za-z0-9+/]{2,86}):([A-Za-z0-9+/]{43})$/;

/** The parts of a v2 hash, or undefined when it is not strictly one. */
export function parse(hash: string): { salt: Buffer; digest: Buffer } | undefined {
  const [, saltText = '', digestText = ''] = matchLayout(LAYOUT, hash) ?? [];
  const salt = decodeBase64(saltText);
  const digest = decodeBase64(digestText);
  return salt?.length && digest?.length ? { salt, digest } : undefined;
}

/**
 * Rancher's v2 hash of a secret: SHA-256 over the salt's bytes and the secret's. Only tests and tools write it.
 *
 * @param salt - 8 random bytes unless given
 * @throws {SecretRefusedError} when the secret is empty, over 4096 bytes or not well-formed
 */
export function hash(secret: string, salt: Uint8Array = newSalt()): string {
  requireWithin('sha256', COMMON_LIMITS, secret);
  return `$2:${encodeBase64(salt)}:${encodeBase64(digestOf(secret, salt))}`;
}

/** Whether the hash is a v2 one of this secret. Constant time over the digest; false for anything refused. */
export function verify(secret: string, hash: string): boolean {
  const parts = parse(hash);
  if (!parts || !isWithin(COMMON_LIMITS, secret)) return false;
  return timingSafeEqual(digestOf(secret, parts.salt), parts.digest);
}

function digestOf(secret: string, salt: Uint8Array): Buffer {
  return createHash('sha256').update(salt).update(secret, 'utf8').digest();
}
