/** Too many hashes are waiting already. Trying again later may help. */
export class HashQueueFullError extends Error {
  override readonly name = 'HashQueueFullError';
}

/** The hasher was closed before the work was done. */
export class HasherClosedError extends Error {
  override readonly name = 'HasherClosedError';
}

/** The algorithm can never take this secret (too long, empty, or not representable). The text never shows the secret. */
export class SecretRefusedError extends Error {
  override readonly name = 'SecretRefusedError';
}
