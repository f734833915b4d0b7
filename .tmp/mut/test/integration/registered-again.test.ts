import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, SECRETS, USERS } from '../../src/api/names.ts';
import { aCli } from '../support/cli.ts';
import { eventually } from '../support/eventually.ts';
import { type Downstream, OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

let world: World;
let cluster: Downstream;
beforeAll(async () => {
  world = await startWorld({ clusters: ['c-new'] });
  cluster = world.cluster('c-new');
});
afterAll(() => world.close());

/** Registers the one cluster that there is under another id. */
async function registerAs(id: string): Promise<void> {
  await world.register(id, { credentials: false });
  await world.setCredentials(id, { kubeconfig: cluster.plane.kubeconfigYaml() });
}

async function idsOfUsers(): Promise<Readonly<Record<string, unknown>>> {
  const users = ['u-back', 'u-disabled', 'u-deleted'];
  const found = await Promise.all(users.map((user) => cluster.clusterUserAttribute(user)));
  return Object.fromEntries(
    users.map((user, index) => [user, found[index]?.metadata.labels['ace-operator.io/cluster']]),
  );
}

describe('a cluster that could not be reached, and is registered again under a new id', () => {
  test('has none of those who were revoked meanwhile, and the new token of one who came back', async () => {
    for (const user of ['u-back', 'u-disabled', 'u-deleted']) await world.createUser(user);
    await registerAs('c-old');
    await world.createTokens('back', 12, 'c-old', 'u-back');
    await world.createTokens('disabled', 3, 'c-old', 'u-disabled');
    await world.createTokens('deleted', 3, 'c-old', 'u-deleted');
    await world.startOperator();
    await world.waitSynced('c-old', '18/18');

    await world.stopOperator();
    await world.management.remove(CLUSTERS, 'c-old');
    await world.management.remove(SECRETS, 'credentials-c-old', OWN_NAMESPACE);
    await world.management.remove(CLUSTER_PROPAGATIONS, 'c-old');
    for (let number = 0; number < 12; number += 1) await world.deleteToken(`back-${number}`);
    await world.management.patch(USERS, 'u-disabled', { enabled: false });
    await world.management.remove(USERS, 'u-deleted');

    await registerAs('c-new');
    const planned = await aCli({ KUBECONFIG: world.management.plane.adminKubeconfig }).run(
      ...['gc', '--plan', 'c-new', '-o', 'json'],
    );
    expect(planned.stdout).toContain('back-0');
    await world.createToken('returned', 'c-new', 'u-back');
    await world.startOperator();
    await world.waitSynced('c-new', '1/1');
    await eventually(async () => expect(await cluster.tokenNames()).toEqual(['returned']), {
      timeoutMs: 20_000,
    });
    await eventually(async () =>
      expect(await idsOfUsers()).toEqual({
        'u-back': 'c-new',
        'u-disabled': undefined,
        'u-deleted': undefined,
      }),
    );
    expect(await world.condition('c-new', 'GCBlocked')).toMatchObject({ status: 'False' });
  });

  test('and once more while the first one is there: they do not fight, and the second one says so', async () => {
    await registerAs('c-twice');
    await world.createToken('twice', 'c-twice', 'u-back');
    await world.waitCondition('c-twice', 'Ready', { status: 'False', reason: 'SharedCluster' });
    expect(await cluster.tokenNames()).toEqual(['returned']);
    expect(await idsOfUsers()).toMatchObject({ 'u-back': 'c-new' });

    await world.deleteToken('returned');
    await world.management.remove(CLUSTERS, 'c-new');
    await eventually(async () => expect(await cluster.tokenNames()).toEqual(['twice']), {
      timeoutMs: 20_000,
    });
    await world.waitCondition('c-twice', 'Ready', { status: 'True' });
    expect(await idsOfUsers()).toMatchObject({ 'u-back': 'c-twice' });
  });
});
