/** Why a watch ended and was resumed or relisted. `timeout` is its ordinary end. */
export const WATCH_ENDS = ['timeout', 'deadline', 'expired', 'error', 'bad-line'] as const;
export type WatchEnd = (typeof WATCH_ENDS)[number];
