import { parse as parseBcrypt } from './bcrypt.ts';
import type { HashFormat } from './format.ts';
import { parse as parseScrypt } from './scrypt.ts';
import { parse as parseSha3 } from './sha3-512.ts';
import { parse as parseSha256 } from './sha256.ts';

/**
 * The format of a stored hash, or undefined when no verifier here would accept it: unknown, malformed,
 * or dearer than the caps (bcrypt cost 4 to 14; scrypt logN 18, r 16, p 4 and 64 MiB).
 *
 * Stricter than Rancher's Go code, which takes stray bits, short keys and upper-case salts; nothing Rancher
 * ever wrote is refused. One trailing newline is ignored.
 */
export function detectFormat(hash: string): HashFormat | undefined {
  if (parseSha3(hash)) return 'sha3-512';
  if (parseBcrypt(hash)) return 'bcrypt';
  if (parseSha256(hash)) return 'sha256';
  if (parseScrypt(hash)) return 'scrypt';
  return undefined;
}
