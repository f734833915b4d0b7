/**
 * Does something with each item, so many at a time, in their order.
 *
 * @param limit - how many may be under way at once
 * @param interruption - once it is aborted nothing new is begun
 * @throws the first failure of `work`, once what was under way has ended; nothing new is begun after it
 */
export async function eachBounded<T>(
  items: Iterable<T>,
  limit: number,
  work: (item: T) => Promise<void>,
  interruption?: AbortSignal,
): Promise<void> {
  const rest = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let next = rest.next(); !next.done && !failure && !interruption?.aborted; next = rest.next()) {
      try {
        await work(next.value);
      } catch (error) {
        failure ??= { error };
      }
    }
  };
  await Promise.all(Array.from({ length: limit }, worker));
  if (failure) throw failure.error;
}
