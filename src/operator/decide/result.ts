/** What the queue does next with a key. Failures are thrown, not returned. */
export type Result =
  | { readonly kind: 'done' }
  | { readonly kind: 'requeueAfter'; readonly delayMs: number; readonly revocation: boolean };

export const done: Result = { kind: 'done' };

/** Runs the key again after `delayMs`, without counting a failure. A `revocation` goes first when it is due. */
export const requeueAfter = (delayMs: number, revocation = false): Result => ({
  kind: 'requeueAfter',
  delayMs,
  revocation,
});
