import { randomInt } from 'node:crypto';

/** Rancher's alphabet: no vowels and no y, 0, 1 or 3, so that nothing can be misread and no word can come out. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

/** Length of a token's secret, as Rancher makes it: 256 bits and more. */
export const SECRET_LENGTH = 54;

/** Length of the part that tells generated names apart, as the API server makes it. */
export const SUFFIX_LENGTH = 5;

/** Random text in Rancher's alphabet, each letter as likely as any other. */
export function randomText(length: number): string {
  return Array.from({ length }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
}
