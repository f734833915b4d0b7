import { ANNOTATION_TOKEN_HASHED, CLUSTERS, TOKENS, USER_ATTRIBUTES, USERS } from '../../../src/api/names.ts';
import { hash } from '../../../src/hash/sha3-512.ts';
import type { World } from '../../support/world.ts';
import { secretOf } from '../checker/derive.ts';
import type { Change } from '../schedule/changes.ts';
import type { Scene } from './scene.ts';

type Where = Pick<Scene, 'world' | 'registrations' | 'forChecker'>;

const API = 'management.cattle.io/v3';

/** Does it in the management plane, past all proxies. @throws {Error} when that is down, or the thing is not there */
export async function carryOut(scene: Where, change: Change): Promise<void> {
  const { world, registrations } = scene;
  const { management } = world;
  const { seed } = scene.forChecker;
  switch (change.do) {
    case 'create token': {
      const { token: name, cluster, user, ttlMs } = change;
      const { metadata, token } = storedAs(seed, name, change.generation, change.stored);
      await management.create(TOKENS, {
        ...{ apiVersion: API, kind: 'Token', metadata: { name, ...metadata }, token },
        ...{ userId: user, clusterName: registrations.idOf(cluster), ttl: ttlMs, enabled: true },
      });
      return;
    }
    case 'delete token':
      await management.remove(TOKENS, change.token);
      return;
    case 'disable token':
    case 'enable token':
      await management.patch(TOKENS, change.token, { enabled: change.do === 'enable token' });
      return;
    case 'change secret':
      await management.patch(TOKENS, change.token, storedAs(seed, change.token, change.generation, 'hashed'));
      return;
    case 'create user':
      await management.create(USERS, { apiVersion: API, kind: 'User', metadata: { name: change.user } });
      return;
    case 'delete user':
      await management.remove(USERS, change.user);
      return;
    case 'disable user':
      await management.patch(USERS, change.user, { enabled: false });
      return;
    case 'enable user':
      if (await management.get(USERS, change.user)) {
        await management.patch(USERS, change.user, { enabled: true });
        return;
      }
      await carryOut(scene, { do: 'create user', user: change.user });
      return;
    case 'set groups':
      await setGroups(world, change.user, change.groups);
      return;
    case 'switch ACE':
      await management.patch(CLUSTERS, registrations.idOf(change.cluster), {
        spec: { localClusterAuthEndpoint: { enabled: change.on } },
      });
  }
}

/** The generation is told, so that the checker knows the secret by name; the secret itself is in no place but this. */
function storedAs(
  seed: number,
  name: string,
  generation: number,
  stored: 'plain' | 'hashed',
): { metadata: object; token: string } {
  const secret = secretOf(seed, name, generation);
  const annotations = {
    'chaos/generation': String(generation),
    ...(stored === 'hashed' ? { [ANNOTATION_TOKEN_HASHED]: 'true' } : {}),
  };
  return { metadata: { annotations }, token: stored === 'hashed' ? hash(secret) : secret };
}

async function setGroups({ management }: World, user: string, groups: readonly string[]): Promise<void> {
  const items = groups.map((name) => ({ metadata: { name } }));
  const fields = { GroupPrincipals: { local: { Items: items } } };
  if (await management.get(USER_ATTRIBUTES, user)) {
    await management.patch(USER_ATTRIBUTES, user, fields);
    return;
  }
  const metadata = { name: user };
  await management.create(USER_ATTRIBUTES, { apiVersion: API, kind: 'UserAttribute', metadata, ...fields });
}
