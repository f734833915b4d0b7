/**
 * Whether resourceVersion `a` is older than `b`. Versions are opaque, but every API server in use counts up in decimal; where
 * one does not, every other version counts as older: whoever asks then takes the careful way.
 */
export function isOlder(a: string, b: string): boolean {
  return DECIMAL.test(a) && DECIMAL.test(b) ? BigInt(a) < BigInt(b) : a !== b;
}

/** Whether it can be said of two which one is older. */
export function isCounted(version: string): boolean {
  return DECIMAL.test(version);
}

const DECIMAL = /^\d{1,40}$/;
