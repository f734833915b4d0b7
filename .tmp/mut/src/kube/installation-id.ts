import { NAMESPACES } from '../api/names.ts';
import { ApiError } from '../errors.ts';
import type { Reader } from './client.ts';

/**
 * Which management plane this is: the UID of its `kube-system`, the one thing that it keeps for as long as it lives and that no
 * other has.
 *
 * @returns undefined where we may not know
 * @throws {ApiError | ConnectionError} when the plane does not answer
 */
export async function readInstallationId(client: Pick<Reader, 'get'>): Promise<string | undefined> {
  try {
    const raw = await client.get({ resource: NAMESPACES, name: 'kube-system' });
    return (raw as { metadata?: { uid?: string } } | undefined)?.metadata?.uid;
  } catch (error) {
    if (error instanceof ApiError && error.code === 403) return undefined;
    throw error;
  }
}
