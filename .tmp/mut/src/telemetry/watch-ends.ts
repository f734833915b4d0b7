/** Why a watch ended and was resumed or relisted. `timeout` is its ordinary end. */
export const WATCH_ENDS = ['timeout', 'deadline', 'expired', 'error', 'bad-line', 'rolled-back'] as const;
export type WatchEnd = (typeof WATCH_ENDS)[number];
