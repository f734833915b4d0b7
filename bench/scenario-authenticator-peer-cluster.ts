import { fileURLToPath } from 'node:url';
import { CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES, type Resource, SECRETS } from '../src/api/names.ts';
import type { KubeObject } from '../src/api/types.ts';
import { hash } from '../src/hash/sha3-512.ts';
import { collectionPath } from '../src/kube/paths.ts';
import { type ControlPlane, startControlPlane } from '../test/support/control-plane.ts';
import { eventually } from '../test/support/eventually.ts';
import { kubectl } from '../test/support/kubectl.ts';
import { rawCat, rawCua, rawHashSecret } from '../test/support/webhook-rig.ts';
import { BareApi } from './bare-api.ts';
import { NAMESPACE } from './objects.ts';
import { secretOf } from './scenario-authenticator-load.ts';
import { inParallel } from './stats.ts';

const TOKENS_PER_USER = 10;
const CONCURRENCY = 16;
const CRDS = fileURLToPath(new URL('../crds/', import.meta.url));

export const GROUPS = Array.from(
  { length: 10 },
  (_, team) => `openldap_group://cn=team-${team},ou=groups,dc=example`,
);

export const userOf = (token: number): string => `u-${Math.floor(token / TOKENS_PER_USER)}`;

/** A real API server with so many tokens, of a tenth as many users, in the shape that both authenticators read: hashes in Secrets. */
export async function startPlaneWith(tokens: number): Promise<ControlPlane> {
  const plane = await startControlPlane({ name: 'peer' });
  try {
    await fill(plane.adminKubeconfig, tokens);
    return plane;
  } catch (error) {
    await plane.stop();
    throw error;
  }
}

/** Of how many tokens an authenticator has written that they were used at that time or later. */
export async function usesWritten({ adminKubeconfig }: ControlPlane, sinceMs: number): Promise<number> {
  const api = await BareApi.open(adminKubeconfig, 1);
  try {
    const { items } = JSON.parse(await api.send('GET', collectionPath(CLUSTER_AUTH_TOKENS, NAMESPACE)));
    // In whole seconds.
    const since = Math.floor(sinceMs / 1000) * 1000;
    return items.filter(({ lastUsedAt }: KubeObject) => Date.parse(String(lastUsedAt)) >= since).length;
  } finally {
    await api.close();
  }
}

async function fill(kubeconfig: string, tokens: number): Promise<void> {
  const files = ['clusterauthtokens', 'clusteruserattributes'];
  const definitions = files.flatMap((file) => ['-f', `${CRDS}cluster.cattle.io_${file}.yaml`]);
  await kubectl(kubeconfig, 'apply', ...definitions);
  const api = await BareApi.open(kubeconfig, CONCURRENCY);
  try {
    const kinds = [CLUSTER_AUTH_TOKENS, CLUSTER_USER_ATTRIBUTES];
    await eventually(() => Promise.all(kinds.map((kind) => api.hasAny(kind, NAMESPACE))), {
      what: 'the definitions to be served',
    });
    await api.ensureNamespace(NAMESPACE);
    await inParallel(tokens, CONCURRENCY, async (token) => {
      for (const [resource, object] of objectsOf(token)) await api.create(resource, object);
    });
  } finally {
    await api.close();
  }
}

function objectsOf(token: number): readonly (readonly [Resource, KubeObject])[] {
  const name = `token-${token}`;
  const isFirstOfUser = token % TOKENS_PER_USER === 0;
  return [
    ...(isFirstOfUser
      ? [[CLUSTER_USER_ATTRIBUTES, rawCua(userOf(token), { groups: GROUPS, lastRefresh: '' })] as const]
      : []),
    [SECRETS, rawHashSecret(name, hash(secretOf(token)))],
    [CLUSTER_AUTH_TOKENS, rawCat(name, { userName: userOf(token) })],
  ];
}
