/**
 * Whether resourceVersion `a` is older than `b`. Versions are opaque, but every API server in use counts up in decimal; where
 * one does not, every other version counts as older: whoever asks then takes the careful way.
 *
 * Source: KEP-5504, Comparable Resource Version: of two decimals without leading zeros the longer one is the newer one.
 */
export function isOlder(a: string, b: string): boolean {
  if (a === b) return false;
  if (!isCounted(a) || !isCounted(b)) return true;
  return a.length === b.length ? a < b : a.length < b.length;
}

/** Whether it can be said of two which one is older. */
export function isCounted(version: string): boolean {
  return DECIMAL.test(version);
}

const DECIMAL = /^(0|[1-9]\d{0,39})$/;
