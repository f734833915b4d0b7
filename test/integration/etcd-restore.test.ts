import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTER_USER_ATTRIBUTES, TOKENS, USERS } from '../../src/api/names.ts';
import { type AuthenticatorProcess, freePort, startAuthenticator } from '../support/authenticator-process.ts';
import { eventually } from '../support/eventually.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

/** Far below the ten minutes after which everything is listed anyway. */
const LIMIT = { timeoutMs: 90_000, intervalMs: 200 };
/** So much happens between backup and restore that every watch is ahead of what is restored. */
const WRITES = Array.from({ length: 60 }, (_, index) => `note ${index}`);

describe('a plane that is put back from a backup of its etcd', () => {
  let world: World;
  let authenticator: AuthenticatorProcess;
  let port: number;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.register('c-one');
    for (const user of ['u-ada', 'u-bob']) await world.createUser(user);
    await world.createTokens('ada', 3, 'c-one', 'u-ada');
    await world.createTokens('bob', 2, 'c-one', 'u-bob');
    await world.startOperator(['--hash-algorithm', 'sha3-512']);
    await world.waitSynced('c-one', '5/5');
    port = await freePort();
    authenticator = await startAuthenticator(world.cluster('c-one').plane.adminKubeconfig, port);
  });
  afterAll(async () => {
    await authenticator.stop();
    await world.close();
  });

  async function isLetIn(name: string): Promise<boolean> {
    const response = await fetch(`http://127.0.0.1:${port}/v1/authenticate`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        apiVersion: 'authentication.k8s.io/v1',
        kind: 'TokenReview',
        spec: { token: `${name}:not-a-real-secret-of-${name}` },
      }),
    });
    return (
      ((await response.json()) as { status?: { authenticated?: boolean } }).status?.authenticated === true
    );
  }
  const outOrIn = (name: string, want: boolean): Promise<void> =>
    eventually(async () => expect(await isLetIn(name)).toBe(want), LIMIT);

  test('management: what is revoked after the restore is out, and what the restore revived is back', async () => {
    await outOrIn('ada-0', true);
    await world.management.plane.backUp();
    await world.waitSynced('c-one', '5/5');
    await world.deleteToken('ada-0');
    for (const description of WRITES) await world.patchToken('ada-2', { description });
    await outOrIn('ada-0', false);
    await world.management.plane.restore();
    await eventually(() => world.deleteToken('ada-1'), LIMIT);
    await outOrIn('ada-1', false);
    // The backup still has it.
    await outOrIn('ada-0', true);
    expect(await world.management.get(TOKENS, 'ada-1')).toBeUndefined();
  });

  test('management: what was issued since the backup nobody revoked: the brake keeps it, until somebody says so', async () => {
    await world.management.plane.backUp();
    await world.createTokens('late', 15, 'c-one', 'u-bob');
    await outOrIn('late-14', true);
    for (const description of WRITES) await world.patchToken('ada-2', { description });
    await world.management.plane.restore();
    await eventually(
      async () => expect((await world.condition('c-one', 'GCBlocked'))?.status).toBe('True'),
      LIMIT,
    );
    expect(await world.management.get(TOKENS, 'late-14')).toBeUndefined();
    expect(await isLetIn('late-14')).toBe(true);

    // Nor does the next process take the absence for more than it is.
    await world.stopOperator();
    await world.startOperator(['--hash-algorithm', 'sha3-512']);
    await eventually(
      async () => expect(await world.operator?.metric('ace_cluster_connected{ace_cluster="c-one"}')).toBe(1),
      LIMIT,
    );
    await eventually(
      async () => expect((await world.condition('c-one', 'GCBlocked'))?.status).toBe('True'),
      LIMIT,
    );
    expect(await isLetIn('late-14')).toBe(true);
    const annotations = { 'ace-operator.io/allow-gc': 'true' };
    await world.management.patch(CLUSTER_PROPAGATIONS, 'c-one', { metadata: { annotations } });
    await outOrIn('late-14', false);
  });

  test('downstream: who is disabled after the restore is out, with the authenticator that saw both', async () => {
    await outOrIn('bob-0', true);
    const { plane } = world.cluster('c-one');
    await plane.backUp();
    for (const note of WRITES)
      await eventually(
        () => world.cluster('c-one').patch(CLUSTER_USER_ATTRIBUTES, 'u-bob', { note }, NAMESPACE),
        LIMIT,
      );
    await plane.restore();
    await world.management.patch(USERS, 'u-bob', { enabled: false });
    await outOrIn('bob-0', false);
    await outOrIn('bob-1', false);
  });
});
