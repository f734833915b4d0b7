import type { Identified } from '../api/types.ts';
import { OtherPlaneError, RolledBackError } from '../errors.ts';
import type { ListPage } from './client.ts';
import type { Collection } from './listing.ts';
import type { PlaneIdentity } from './plane-identity.ts';
import { isOlder } from './versions.ts';

/** What a history can be told by; see {@link checkHistory}. */
interface Known extends Collection<unknown> {
  readonly plane?: PlaneIdentity | undefined;
  /** An object that was there at the version that the watch begins from; undefined: there is none, or nobody asks. */
  readonly witness?: Identified | undefined;
}

/** A name that no object needs to have: what is asked is the version of the collection. */
const ANY_NAME = 'ace-operator-version';

/**
 * Whether the plane is the one, and at least as far, as when we saw it last. Asked while a watch is being opened.
 *
 * With a witness it is noticed without any further right, and at no further request, when another cluster answers whose versions
 * are ahead of ours: it has no object of that name and UID. One that was deleted a moment ago costs a list, too, and no more.
 *
 * @param since - the newest version that was seen of the plane
 * @param distrust - ends the watch when it is not, or seems not to be and does not say who it is, with the error as its reason
 * @returns false when there was no answer, which is no evidence, or when it is not
 */
export async function checkHistory(
  collection: Known,
  since: string,
  signal: AbortSignal,
  distrust: AbortController,
): Promise<boolean> {
  try {
    const { plane, witness, resource } = collection;
    const [{ resourceVersion, items }] = await Promise.all([current(collection, signal), plane?.verify()]);
    const isBehind = isOlder(resourceVersion, since);
    if (!isBehind && (!witness || items.some((item) => uidOf(item) === witness.uid))) {
      // One that is ahead may be another one, behind a connection that was made for this watch.
      await plane?.verify(false, plane.uid !== undefined);
      return true;
    }
    const seen = isBehind
      ? `${resource.plural}: the plane went back from version ${since} to ${resourceVersion}`
      : `${resource.plural}: the plane does not have ${witness?.name} as it was seen`;
    distrust.abort(await explained(seen, plane));
  } catch (error) {
    if (error instanceof OtherPlaneError) distrust.abort(error);
  }
  return false;
}

/**
 * Another cluster may have said so, over this very connection. What was answered a moment ago was said by whoever was there then, and
 * a plane that is taken for put back makes of what is deleted next what nobody deleted. So without an answer everything is listed, and no more.
 */
async function explained(seen: string, plane: PlaneIdentity | undefined): Promise<unknown> {
  try {
    await plane?.verify(true, true);
    return new RolledBackError(seen);
  } catch (error) {
    return error;
  }
}

/**
 * The version that the plane has reached, at the price of one lookup: nothing is listed for it.
 *
 * A list without a `resourceVersion` is answered from what etcd has at this moment, so it is never older than what this server
 * told before - unless its history is another one now. Where {@link PlaneIdentity} asks over connections of requests who the plane
 * is, this goes over the one of the watch. Else it is all that can tell that new connections lead elsewhere while a watch goes on with
 * the server that was there before.
 */
async function current(collection: Known, signal: AbortSignal): Promise<ListPage> {
  const { client, resource, namespace, witness, plane } = collection;
  const besideWatches = plane?.uid !== undefined;
  // Who may list one name only is not allowed to ask for another.
  const own = collection.fieldSelector ?? '';
  const fieldSelector = own.startsWith('metadata.name=') ? own : `metadata.name=${witness?.name ?? ANY_NAME}`;
  return client.list(resource, { namespace, fieldSelector, limit: 1, signal, besideWatches });
}

function uidOf(raw: unknown): unknown {
  return (raw as { metadata?: { uid?: unknown } }).metadata?.uid;
}
