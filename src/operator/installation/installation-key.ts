import { createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { INSTALLATION_KEY_SECRET, SECRETS } from '../../api/names.ts';
import { isAlreadyExists, TerminalError } from '../../errors.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { ObjectKey } from '../../kube/paths.ts';

const KEY_BYTES = 32;

/**
 * The key of all fingerprints: read from its Secret in the operator's namespace, made there when it is missing.
 * It never leaves the management cluster.
 *
 * @throws {TerminalError} when the Secret is there but holds no key: making another would have every hash checked anew
 */
export async function loadInstallationKey(client: KubeClient, namespace: string): Promise<KeyObject> {
  const address: Address = { resource: SECRETS, namespace, name: INSTALLATION_KEY_SECRET };
  const live = await client.get(address);
  if (live !== undefined) return keyIn(live, namespace);
  return makeKey(client, address);
}

type Address = ObjectKey & { readonly namespace: string };

async function makeKey(client: KubeClient, address: Address): Promise<KeyObject> {
  const { namespace } = address;
  const key = randomBytes(KEY_BYTES);
  try {
    await client.create(SECRETS, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: INSTALLATION_KEY_SECRET, namespace },
      type: 'Opaque',
      data: { key: key.toString('base64') },
    });
    return createSecretKey(key);
  } catch (error) {
    if (!isAlreadyExists(error)) throw error;
    // Another replica was first; or it was, and somebody deleted it since.
    return loadInstallationKey(client, namespace);
  }
}

function keyIn(secret: unknown, namespace: string): KeyObject {
  const encoded = (secret as { data?: { key?: unknown } } | undefined)?.data?.key;
  const key = typeof encoded === 'string' ? Buffer.from(encoded, 'base64') : Buffer.alloc(0);
  if (key.length < KEY_BYTES) {
    throw new TerminalError(
      'Rejected',
      `Secret ${namespace}/${INSTALLATION_KEY_SECRET} holds no key of ${KEY_BYTES} bytes under data.key; restore it, or delete it to have another made and the hash of every plain token checked anew`,
    );
  }
  return createSecretKey(key);
}
