import { OtherPlaneError, RolledBackError } from '../errors.ts';
import type { Collection } from './listing.ts';
import type { PlaneIdentity } from './plane-identity.ts';
import { isOlder } from './versions.ts';

/** A name that no object needs to have: what is asked is the version of the collection. */
const ANY_NAME = 'ace-operator-version';

/**
 * Whether the plane is the one, and at least as far, as when we saw it last. Asked while a watch is being opened.
 *
 * @param since - the version that the watch begins from
 * @param distrust - ends the watch when it is not, with the error as its reason
 * @returns false when there was no answer, which is no evidence, or when it is not
 */
export async function checkHistory(
  collection: Collection<unknown> & { readonly plane?: PlaneIdentity | undefined },
  since: string,
  signal: AbortSignal,
  distrust: AbortController,
): Promise<boolean> {
  try {
    const [version] = await Promise.all([currentVersion(collection, signal), collection.plane?.verify()]);
    if (!isOlder(version, since)) return true;
    const { plural } = collection.resource;
    throw new RolledBackError(`${plural}: the plane went back from version ${since} to ${version}`);
  } catch (error) {
    if (error instanceof RolledBackError || error instanceof OtherPlaneError) distrust.abort(error);
    return false;
  }
}

/**
 * The version that the plane has reached, at the price of one lookup: nothing is listed for it.
 *
 * A list without a `resourceVersion` is answered from what etcd has at this moment, so it is never older than what this server
 * told before - unless its history is another one now.
 */
async function currentVersion(collection: Collection<unknown>, signal: AbortSignal): Promise<string> {
  const { client, resource, namespace } = collection;
  // Who may list one name only is not allowed to ask for another.
  const own = collection.fieldSelector ?? '';
  const fieldSelector = own.startsWith('metadata.name=') ? own : `metadata.name=${ANY_NAME}`;
  return (await client.list(resource, { namespace, fieldSelector, limit: 1, signal })).resourceVersion;
}
