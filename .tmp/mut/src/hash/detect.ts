import { FORMATS, type HashFormat } from './formats.ts';

/**
 * The format of a stored hash, or undefined when no verifier here would accept it: unknown, malformed,
 * or dearer than the caps (bcrypt cost 4 to 12; scrypt logN 18, r 16, p 4 and 64 MiB).
 *
 * Stricter than Rancher's Go code, which takes stray bits, short keys and upper-case salts; nothing Rancher
 * ever wrote is refused. One trailing newline is ignored.
 */
export function detectFormat(hash: string): HashFormat | undefined {
  return FORMATS.find(({ parse }) => parse(hash))?.name;
}
