/**
 * Options of an `lru-cache` that takes room for what it holds. By `max` alone it takes room for all that it ever may hold, at once: 11 MB in the
 * operator before it has seen a token (docs/performance.md).
 *
 * @param entries - how many it holds at most; the one that was not used for longest goes first
 */
export const upTo = (
  entries: number,
): { readonly maxSize: number; readonly sizeCalculation: () => number } => ({
  maxSize: entries,
  sizeCalculation: () => 1,
});
