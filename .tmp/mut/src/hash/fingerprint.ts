import { createHmac, type KeyObject, timingSafeEqual } from 'node:crypto';

/** The installation key. As a KeyObject it is imported once; raw bytes are imported at each use, at five times the cost. */
export type FingerprintKey = KeyObject | Uint8Array;

/**
 * HMAC-SHA256 of a token and its hash under the installation key, as 64 characters of lower-case hex.
 *
 * Lets anyone with the key see that nothing changed, without rehashing (salts differ every time).
 * The input is the JSON array `[tokenUid, algorithm, value, hash]`: JSON keeps the fields apart, so that
 * no two inputs read alike.
 *
 * @throws {RangeError} when the key is empty, as an emptied Secret would have it
 */
export function fingerprint(
  key: FingerprintKey,
  input: { tokenUid: string; algorithm: string; value: string; hash: string },
): string {
  if ((key instanceof Uint8Array ? key.length : key.symmetricKeySize) === 0)
    throw new RangeError('fingerprint key must not be empty');
  const { tokenUid, algorithm, value, hash } = input;
  return createHmac('sha256', key)
    .update(JSON.stringify([tokenUid, algorithm, value, hash]))
    .digest('hex');
}

/** Whether two fingerprints are the same, in a time that depends on their lengths only. */
export function fingerprintsEqual(a: string, b: string): boolean {
  const left = Buffer.from(a);
  const right = Buffer.from(b);
  return left.length === right.length && timingSafeEqual(left, right);
}
