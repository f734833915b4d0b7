// change/: finds tokens that are there, and takes them away.

import { TOKENS } from '../../api/names.ts';
import { isConflict, isObjectMissing, isReplaced, TerminalError } from '../../errors.ts';
import type { Writer } from '../../kube/client.ts';
import { type Patience, patiently } from '../../plane/patient.ts';

export type TokenAction = 'disable' | 'enable' | 'delete';

/** A token that is to be changed, as it was read. */
export interface ChangeTarget {
  readonly name: string;
  readonly uid: string;
  readonly clusterName: string;
  readonly enabled: boolean;
  readonly deleting: boolean;
}

/** What came of it. `deleting`: somebody's finalizer holds it; `gone`: it was deleted meanwhile. */
export type Changed = 'disabled' | 'enabled' | 'deleted' | 'deleting' | 'unchanged' | 'gone';

export type DryRunMode = 'none' | 'client' | 'server';

/** Who is asked, and for how long. */
export interface ChangeMeans {
  readonly client: Writer;
  readonly patience: Patience;
}

/**
 * Changes one token, unless another has taken its name since it was read. Safe to repeat.
 *
 * @throws {TerminalError} `Conflict` when another has the name now
 * @throws {ApiError | ConnectionError} when it was refused, or nobody knows
 */
export async function changeToken(
  action: TokenAction,
  target: ChangeTarget,
  { client, patience }: ChangeMeans,
  dryRun: DryRunMode,
): Promise<Changed> {
  if (action === 'delete' && target.deleting) return 'deleting';
  if (action !== 'delete' && target.enabled === (action === 'enable')) return 'unchanged';
  if (dryRun === 'client') return `${action}d`;
  try {
    const options = { dryRun: dryRun === 'server', signal: patience.limit };
    return await patiently(() => perform(action, target, client, options), patience);
  } catch (error) {
    if (isObjectMissing(error)) return 'gone';
    // A UID that does not fit is a conflict to a deletion and "invalid" to a patch; `enabled` alone no server refuses.
    if (!isConflict(error) && !isReplaced(error)) throw error;
    throw new TerminalError(
      'Conflict',
      `token ${target.name} was replaced by another meanwhile; nothing was changed`,
    );
  }
}

async function perform(
  action: TokenAction,
  { name, uid }: ChangeTarget,
  client: Writer,
  options: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<Changed> {
  const key = { resource: TOKENS, name };
  if (action === 'delete') {
    const held = await client.delete(key, { uid, ...options });
    return held === undefined ? 'deleted' : 'deleting';
  }
  await client.patch(key, { metadata: { uid }, enabled: action === 'enable' }, options);
  return `${action}d`;
}
