import type { Identified } from '../api/types.ts';
import type { Listed } from './listing.ts';
import type { Store } from './store.ts';
import { isOlder } from './versions.ts';

/**
 * Takes a list into a store that a watch goes on filling meanwhile: what either knows that the other does not yet. Of two words
 * on one object the newer counts, by version; versions of one kind count up over all of its objects.
 *
 * @param deletedMeanwhile - what the watch told to be deleted since before the list was asked for: version by key
 * @returns false when the store refused it: it was asked for too early
 */
export function mergeList<T extends Identified>(
  store: Store<T>,
  { items, resourceVersion }: Pick<Listed<T>, 'items' | 'resourceVersion'>,
  deletedMeanwhile: ReadonlyMap<string, string>,
): boolean {
  if (!store.mayTake(items)) return false;
  const listed = new Map(items.map((object) => [store.keyOf(object), object]));
  for (const old of [...store.list()]) {
    const isLater = isOlder(resourceVersion, old.resourceVersion);
    if (!listed.has(store.keyOf(old)) && !isLater) store.remove(old, 'missing');
  }
  for (const [key, object] of listed) {
    const held = store.get(key);
    const gone = deletedMeanwhile.get(key);
    // Of the same version it may be held as less than it is: the store knows.
    const isNews = held
      ? !isOlder(object.resourceVersion, held.resourceVersion)
      : gone === undefined || isOlder(gone, object.resourceVersion);
    if (isNews) store.put(object);
  }
  return true;
}

/**
 * Whether a list tells of an object as it was before what is held of it, though it was made after that: the plane was put back, be it
 * to a history whose versions were raised for that (`etcdutl snapshot restore --bump-revision`).
 */
export function isOfAnotherHistory<T extends Identified>(
  store: Store<T>,
  { items, resourceVersion }: Pick<Listed<T>, 'items' | 'resourceVersion'>,
): boolean {
  return items.some((object) => {
    const held = store.get(store.keyOf(object));
    if (held?.uid !== object.uid || held.resourceVersion === object.resourceVersion) return false;
    return (
      isOlder(object.resourceVersion, held.resourceVersion) && !isOlder(resourceVersion, held.resourceVersion)
    );
  });
}
