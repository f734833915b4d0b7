import { USERS } from '../../api/names.ts';
import type { Selection } from '../../config/token.ts';
import { TerminalError } from '../../errors.ts';
import type { ManagementPlane } from '../../plane/management.ts';
import { missingCluster } from '../../plane/missing-cluster.ts';
import { needed } from '../../plane/needed.ts';
import { known } from '../../plane/reading.ts';

/**
 * To be asked when a filter has hit nothing: a user or a cluster that is not there was mistyped, named as people know it, or deleted, and
 * "nothing found" would pass for "all is gone".
 *
 * @returns what is not there, and what may be meant; undefined: all that is named is there
 */
export async function missingNamed(
  { user, cluster }: Selection,
  management: ManagementPlane,
): Promise<TerminalError | undefined> {
  if (user !== undefined && needed(await management.user(user)) === undefined)
    return new TerminalError('UserNotFound', await missingUser(user, management));
  if (cluster !== undefined && needed(await management.cluster(cluster)) === undefined)
    return new TerminalError('ClusterDeleted', await missingCluster(cluster, management));
  return undefined;
}

/** @throws {TerminalError} naming what is not there */
export async function requireNamed(selection: Selection, management: ManagementPlane): Promise<void> {
  const missing = await missingNamed(selection, management);
  if (missing) throw missing;
}

async function missingUser(id: string, management: ManagementPlane): Promise<string> {
  const users = known(await management.list(USERS, namesOf)) ?? [];
  const meant = users.filter(({ names }) => names.includes(id)).map(({ name }) => name);
  return meant.length === 0
    ? `there is no User ${id}, and no token of theirs; see kubectl get users.management.cattle.io`
    : `there is no User ${id}; that is a login or display name of ${meant.join(' and ')}`;
}

function namesOf(raw: unknown): { name: string; names: readonly unknown[] } {
  const { metadata, username, displayName } = raw as {
    metadata: { name: string };
    username?: unknown;
    displayName?: unknown;
  };
  return { name: metadata.name, names: [username, displayName] };
}
