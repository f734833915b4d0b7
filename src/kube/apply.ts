import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CLUSTER_USER_ATTRIBUTES,
  CONFIG_MAPS,
  type Resource,
  SECRETS,
} from '../api/names.ts';
import type { KubeObject } from '../api/types.ts';
import type { Change } from '../derive/diff.ts';
import { takesAway } from '../derive/takes.ts';
import { ApiError, TerminalError } from '../errors.ts';
import type { WriteOptions, Writer } from './client.ts';
import type { ObjectKey } from './paths.ts';

const RESOURCES = new Map<string, Resource>(
  [CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, CLUSTER_PROPAGATIONS, SECRETS, CONFIG_MAPS].map(
    (resource) => [resource.kind, resource],
  ),
);

/**
 * Performs one change. Never touches an object that was replaced after we saw it: patches and deletes demand
 * its UID.
 *
 * @param isStillDue - asked right before it is sent: a request may wait long for a connection
 * @returns the object as the server stored it; undefined when it is gone
 * @throws {TerminalError} `Rejected` when the server refuses the object itself; not for what takes something away from
 *   someone, which is to be tried until it succeeds
 * @throws {OvertakenError} when it was not due any more
 */
export async function apply(
  writer: Writer,
  change: Change,
  isStillDue?: () => boolean,
): Promise<unknown | undefined> {
  try {
    return await perform(writer, change, { isStillDue });
  } catch (error) {
    // Unlike 409, 429 and 5xx, these will not go away by themselves.
    if (isInvalid(error) && !takesAway(change)) {
      throw new TerminalError('Rejected', error.message, { cause: error });
    }
    throw error;
  }
}

/** The server took the request for one that it will never accept. */
export function isInvalid(error: unknown): error is ApiError {
  return error instanceof ApiError && [400, 413, 422].includes(error.code);
}

function perform(writer: Writer, change: Change, options: WriteOptions): Promise<unknown | undefined> {
  switch (change.verb) {
    case 'create':
      return writer.create(resourceOf(change.object), change.object, options);
    case 'patch': {
      const metadata = {
        ...(change.patch['metadata'] as object | undefined),
        uid: change.target.metadata.uid,
      };
      return writer.patch(objectKey(change.target), { ...change.patch, metadata }, options);
    }
    case 'wait':
      return Promise.resolve(undefined);
    case 'delete':
      return writer.delete(objectKey(change.target), { uid: change.target.metadata.uid ?? '' });
  }
}

/** The address of an object. @throws {Error} for a kind that we never write */
export function objectKey(object: KubeObject): ObjectKey {
  return {
    resource: resourceOf(object),
    namespace: object.metadata.namespace,
    name: object.metadata.name,
  };
}

function resourceOf(object: KubeObject): Resource {
  const resource = RESOURCES.get(object.kind);
  if (!resource) throw new Error(`no resource is known for kind ${object.kind}`);
  return resource;
}
