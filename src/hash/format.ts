/** A layout of stored hash that the authenticator verifies. */
export type HashFormat = 'bcrypt' | 'sha3-512' | 'scrypt' | 'sha256';

/** What the operator writes. sha256 is Rancher's retired layout: verified, never written. */
export type HashAlgorithm = 'bcrypt' | 'sha3-512' | 'scrypt';

/** Formats that cost tens of milliseconds of CPU, so that they run in worker threads only. */
export type SlowFormat = 'bcrypt' | 'scrypt';

/** Every algorithm the operator can be told to write, the default first. */
export const HASH_ALGORITHMS: readonly HashAlgorithm[] = ['bcrypt', 'sha3-512', 'scrypt'];
