import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, CONFIG_MAPS, SECRETS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 60_000, intervalMs: 100 };
/** As many as come and go in a day of CI. */
const CHURN = 300;

describe('clusters that are deleted', () => {
  let world: World;
  let proxy: TcpProxy;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    proxy = await startTcpProxy(world.cluster('c-one').plane.url);
    await world.createUser('u-ada');
    await world.createTokens('t', 3, 'c-one', 'u-ada');
  });
  afterEach(async () => {
    await world.killOperator();
    await proxy.heal();
  });
  afterAll(async () => {
    await proxy.close();
    await world.close();
  });

  const ours = (): Promise<readonly string[]> => world.cluster('c-one').ours();
  const deleteCluster = (): Promise<unknown> => world.management.remove(CLUSTERS, 'c-one');
  const deleteCredentials = (): Promise<unknown> =>
    world.management.remove(SECRETS, 'credentials-c-one', OWN_NAMESPACE);
  const secrets = async (): Promise<readonly string[]> =>
    (await world.management.list(SECRETS, OWN_NAMESPACE)).map(({ metadata }) => metadata.name);
  const kept = async (): Promise<readonly string[]> =>
    (await secrets()).filter((name) => name.includes('-way-'));
  const series = async (): Promise<readonly string[]> =>
    ((await world.operator?.http('/metrics'))?.body ?? '')
      .split('\n')
      .filter((line) => line.includes('ace_cluster="c-'));

  async function synced(): Promise<void> {
    await eventually(async () => expect(await world.propagation('c-one')).toBeUndefined(), LONG);
    await world.register('c-one', { server: proxy.url(world.cluster('c-one').plane.url) });
    await world.startOperator();
    await world.waitSynced('c-one', '3/3');
    await eventually(async () => expect(await kept()).toEqual(['ace-operator-way-c-one']), LONG);
  }
  async function nothingIsLeft(): Promise<void> {
    await eventually(async () => {
      expect(await kept()).toEqual([]);
      expect(await world.management.list(CONFIG_MAPS, OWN_NAMESPACE)).toEqual([]);
      expect(await world.management.list(CLUSTER_PROPAGATIONS)).toEqual([]);
      expect(await series()).toEqual([]);
    }, LONG);
  }

  test('are drained although their credentials went with them, and leave nothing', async () => {
    await synced();
    await deleteCredentials();
    await deleteCluster();
    await eventually(async () => expect(await ours()).toEqual([]), LONG);
    await world.waitCondition('c-one', 'Drained', { status: 'True' });
    await nothingIsLeft();
  });

  test('are drained when the process ended between that and the draining, and the cluster was away', async () => {
    await synced();
    await proxy.refuse();
    await world.waitCondition('c-one', 'Connected', { status: 'False' });
    await deleteCluster();
    await deleteCredentials();
    await world.killOperator();
    await world.startOperator();
    await world.waitCondition('c-one', 'Drained', { status: 'False', reason: 'Draining' });
    expect((await ours()).length).toBeGreaterThan(0);
    await proxy.heal();
    await eventually(async () => expect(await ours()).toEqual([]), LONG);
    await nothingIsLeft();
  });

  test('that are lost for good are given up by deleting the ClusterPropagation', async () => {
    await synced();
    await proxy.refuse();
    await world.waitCondition('c-one', 'Connected', { status: 'False' });
    await world.deleteToken('t-0');
    await deleteCredentials();
    await deleteCluster();
    await eventually(async () => {
      expect(await world.operator?.metric('ace_revocations_pending{ace_cluster="c-one"}')).toBe(1);
      expect(await world.operator?.metric('ace_cluster_connected{ace_cluster="c-one"}')).toBe(0);
    }, LONG);
    await world.management.remove(CLUSTER_PROPAGATIONS, 'c-one');
    await nothingIsLeft();
    await world.killOperator();
    await world.startOperator();
    await nothingIsLeft();
  });

  test(`of which ${CHURN} came and went leave nothing`, async () => {
    await world.startOperator();
    const ids = Array.from({ length: CHURN }, (_, index) => `c-churn-${index}`);
    const inTens = async (work: (id: string) => Promise<unknown>): Promise<void> => {
      for (let index = 0; index < ids.length; index += 10)
        await Promise.all(ids.slice(index, index + 10).map(work));
    };
    await inTens((id) => world.register(id, { credentials: false }));
    await eventually(
      async () => expect(await world.management.list(CLUSTER_PROPAGATIONS)).toHaveLength(CHURN),
      LONG,
    );
    await inTens((id) => world.management.remove(CLUSTERS, id));
    await nothingIsLeft();
    await world.killOperator();
    await world.startOperator();
    await nothingIsLeft();
  });
});
