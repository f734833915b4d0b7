import { NAMESPACES } from '../api/names.ts';
import { ApiError } from '../errors.ts';
import type { Reader } from './client.ts';
import type { Refusals } from './refusals.ts';

/**
 * Which management plane this is: the UID of its `kube-system`, the one thing that it keeps for as long as it lives and that no
 * other has.
 *
 * @param refusals - for whoever lives with the answer for long; without it, a refusal counts at once
 * @returns undefined where we may not know
 * @throws {ApiError | ConnectionError} when the plane does not answer, or refuses it and that may pass
 */
export async function readInstallationId(
  client: Pick<Reader, 'get'>,
  refusals?: Pick<Refusals, 'bear'>,
): Promise<string | undefined> {
  try {
    const raw = await client.get({ resource: NAMESPACES, name: 'kube-system' });
    return (raw as { metadata?: { uid?: string } } | undefined)?.metadata?.uid;
  } catch (error) {
    if (!(error instanceof ApiError && error.code === 403)) throw error;
    refusals?.bear(error);
    return undefined;
  }
}
