/** Every algorithm the operator can be told to write, the default first. Here alone, so that `--help` loads no library. */
export const HASH_ALGORITHMS = ['bcrypt', 'sha3-512', 'scrypt'] as const;

/** What the operator writes. */
export type HashAlgorithm = (typeof HASH_ALGORITHMS)[number];
