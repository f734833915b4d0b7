import { randomBytes } from 'node:crypto';

/** Longer than every layout here; nothing longer is looked at. */
const MAX_HASH_CHARS = 256;

/** Length of the salts we make, as Rancher's; longer and shorter ones are read too. */
const SALT_BYTES = 8;

/** A fresh random salt for Rancher's layouts. */
export function newSalt(): Buffer {
  return randomBytes(SALT_BYTES);
}

/**
 * The capture groups of a stored hash, without one trailing newline, or undefined when it does not fit.
 *
 * The newline is what an editor or `echo` leaves at the end of a Secret's value.
 */
export function matchLayout(layout: RegExp, hash: string): readonly string[] | undefined {
  if (hash.length > MAX_HASH_CHARS) return undefined;
  return layout.exec(hash.replace(/\r?\n$/, '')) ?? undefined;
}

/** Standard-alphabet base64 without padding: the encoding of Rancher's hashes. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64').replaceAll('=', '');
}

/**
 * Bytes of unpadded base64, or undefined when the text is not exactly what {@link encodeBase64} would write.
 *
 * `Buffer.from` takes nearly anything (padding, the URL alphabet, stray bits at the end), hence the way back.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return encodeBase64(bytes) === text ? bytes : undefined;
}
