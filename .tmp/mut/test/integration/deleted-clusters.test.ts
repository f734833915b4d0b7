import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CLUSTER_PROPAGATIONS, CLUSTERS, CONFIG_MAPS, SECRETS, USERS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 60_000, intervalMs: 100 };
/** As many as come and go in a day of CI. */
const CHURN = 300;
/** Of those that were at work, so many at a time, and so many times; ACE_CHURN asks for more of them. */
const CONNECTED = Number(process.env['ACE_CHURN'] ?? 8);
const ROUNDS = 2;
/** That a cluster is drained is shown for half a minute. */
const LIMIT_MS = ROUNDS * (120_000 + CONNECTED * 4_000);

/** Of the pools to the management plane, which are opened as they are needed, with a timer each. */
const SOCKETS_OF_THE_PLANE = 20;

/** Only what is in use counts: else the figure is that of when memory was last looked through. */
const COLLECTS_ON_SIGNAL = '--expose-gc --import=data:text/javascript,process.on(%22SIGUSR2%22,()=>gc())';

function isSocket(pid: number | undefined, fd: string): boolean {
  try {
    return readlinkSync(`/proc/${pid}/fd/${fd}`).startsWith('socket:');
  } catch {
    return false;
  }
}

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

  test(
    `of which ${CONNECTED} were connected, ${ROUNDS} times over, leave no socket, no timer, no series and no object`,
    async () => {
      const patient = { timeoutMs: 60_000 + CONNECTED * 2_000, intervalMs: 500 };
      const operator = await world.startOperator([], { NODE_OPTIONS: COLLECTS_ON_SIGNAL });
      const held = async (): Promise<{ sockets: number; timers: number; heapMiB: number }> => {
        operator.kill('SIGUSR2');
        return {
          sockets: readdirSync(`/proc/${operator.pid}/fd`).filter((fd) => isSocket(operator.pid, fd)).length,
          timers: await operator.metric('nodejs_active_resources{type="Timeout"}'),
          heapMiB: Math.round((await operator.metric('nodejs_heap_size_used_bytes')) / 2 ** 20),
        };
      };
      const inTens = async (
        ids: readonly string[],
        work: (id: string) => Promise<unknown>,
      ): Promise<void> => {
        for (let index = 0; index < ids.length; index += 10)
          await Promise.all(ids.slice(index, index + 10).map(work));
      };
      const kubeconfig = world.cluster('c-one').plane.kubeconfigYaml({});
      const figures = [await held()];
      for (let round = 0; round < ROUNDS; round += 1) {
        const ids = Array.from({ length: CONNECTED }, (_, index) => `c-at-work-${round}-${index}`);
        // All lead to one API server, so each has a user of its own there.
        await inTens(ids, async (id) => {
          await world.createUser(`u-${id}`);
          await world.createTokens(id, 1, id, `u-${id}`);
          await world.register(id, { credentials: false });
          await world.setCredentials(id, { kubeconfig });
        });
        await eventually(async () => {
          const propagations = await world.management.list(CLUSTER_PROPAGATIONS);
          expect(propagations.map(({ status }) => status?.tokens)).toEqual(ids.map(() => '1/1'));
        }, patient);
        expect(await world.cluster('c-one').tokenNames()).toHaveLength(CONNECTED);
        await inTens(ids, async (id) => {
          await world.management.remove(SECRETS, `credentials-${id}`, OWN_NAMESPACE);
          await world.management.remove(CLUSTERS, id);
        });
        await eventually(async () => {
          expect(await world.cluster('c-one').tokenNames()).toEqual([]);
          expect(await kept()).toEqual([]);
          expect(await world.management.list(CONFIG_MAPS, OWN_NAMESPACE)).toEqual([]);
          expect(await world.management.list(CLUSTER_PROPAGATIONS)).toEqual([]);
          expect(await series()).toEqual([]);
        }, patient);
        await inTens(ids, async (id) => {
          await world.deleteToken(`${id}-0`);
          await world.management.remove(USERS, `u-${id}`);
        });
        figures.push(await held());
      }
      console.log(`deleted-clusters: ${CONNECTED} clusters a round: ${JSON.stringify(figures)}`);
      const [first, ...later] = figures;
      for (const figure of later) {
        expect(figure.sockets).toBeLessThanOrEqual((first?.sockets ?? 0) + SOCKETS_OF_THE_PLANE);
        expect(figure.timers).toBeLessThanOrEqual((first?.timers ?? 0) + SOCKETS_OF_THE_PLANE);
      }
      // What is kept for each cluster would come again with each round.
      expect(figures.at(-1)?.heapMiB).toBeLessThanOrEqual((figures.at(1)?.heapMiB ?? 0) + 10);
    },
    LIMIT_MS,
  );

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
