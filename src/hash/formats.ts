import type { HashAlgorithm } from './algorithms.ts';
import * as bcrypt from './bcrypt.ts';
import * as scrypt from './scrypt.ts';
import { COMMON_LIMITS, type SecretLimits } from './secret-limits.ts';
import * as sha3 from './sha3-512.ts';
import * as sha256 from './sha256.ts';

/** All that is to be known of one layout of stored hash. */
interface FormatRecord {
  readonly name: string;
  /** It costs tens of milliseconds of CPU, so that it runs in worker threads only. */
  readonly isSlow: boolean;
  /** It takes tens of MiB while it runs, so that few run at once. */
  readonly isLarge?: boolean;
  readonly limits: SecretLimits;
  /** Undefined when it is not strictly a hash of this format. */
  readonly parse: (hash: string) => object | undefined;
  readonly verify: (secret: string, hash: string) => boolean;
  /** Left out: verified, never written. */
  readonly hash?: (secret: string, options: HashOptions) => string;
}

interface HashOptions {
  /** log2 of the rounds of bcrypt. */
  readonly bcryptCost: number;
}

/** Every format that the authenticator verifies; those that the operator can be told to write first, the default before all. */
const RECORDS = [
  {
    name: 'bcrypt',
    isSlow: true,
    limits: bcrypt.LIMITS,
    parse: bcrypt.parse,
    verify: bcrypt.verify,
    hash: (secret: string, { bcryptCost }: HashOptions) => bcrypt.hash(secret, bcrypt.newSalt(bcryptCost)),
  },
  {
    name: 'sha3-512',
    isSlow: false,
    limits: COMMON_LIMITS,
    parse: sha3.parse,
    verify: sha3.verify,
    hash: (secret: string) => sha3.hash(secret),
  },
  {
    name: 'scrypt',
    isSlow: true,
    isLarge: true,
    limits: COMMON_LIMITS,
    parse: scrypt.parse,
    verify: scrypt.verify,
    hash: (secret: string) => scrypt.hash(secret),
  },
  // Rancher's retired layout.
  { name: 'sha256', isSlow: false, limits: COMMON_LIMITS, parse: sha256.parse, verify: sha256.verify },
] as const satisfies readonly FormatRecord[];

type Known = (typeof RECORDS)[number];

/** A layout of stored hash that the authenticator verifies. */
export type HashFormat = Known['name'];
/** Formats that run in worker threads only. */
export type SlowFormat = Extract<Known, { isSlow: true }>['name'];

export const FORMATS: readonly (FormatRecord & { readonly name: HashFormat })[] = RECORDS;

export function formatOf(name: HashFormat): FormatRecord {
  const format = FORMATS.find((known) => known.name === name);
  if (!format) throw new RangeError(`no hash format is called ${name}`);
  return format;
}

export function isSlow(name: HashFormat): name is SlowFormat {
  return formatOf(name).isSlow;
}

/** A new hash, made in this thread. @throws {SecretRefusedError} when the algorithm cannot take the secret */
export function hashNow(algorithm: HashAlgorithm, secret: string, bcryptCost = bcrypt.DEFAULT_COST): string {
  const { hash } = formatOf(algorithm);
  if (!hash) throw new RangeError(`${algorithm} is verified, never written`);
  return hash(secret, { bcryptCost });
}
