import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { CONFIG_MAPS, USERS } from '../../src/api/names.ts';
import { type Debt, unpack } from '../../src/operator/debts/debt-record.ts';
import { eventually } from '../support/eventually.ts';
import type { Any } from '../support/plane-client.ts';
import { type ServiceProcess, startService } from '../support/service-process.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { OWN_NAMESPACE, startWorld, type World } from '../support/world.ts';

const LONG = { timeoutMs: 60_000, intervalMs: 100 };
const PENDING = 'ace_revocations_pending{ace_cluster="c-one"}';
const OLDEST = 'ace_revocation_oldest_pending_seconds{ace_cluster="c-one"}';
const UNSEEN = 'ace_cluster_unseen{ace_cluster="c-one"}';
const FAST_LEASE = [
  ...['--leader-elect-lease-duration', '4s', '--leader-elect-renew-deadline', '3s'],
  ...['--leader-elect-retry-period', '1s'],
];

/** What was seen to be revoked outlives every process that saw it. */
describe('revocations that are owed', () => {
  let world: World;
  let proxy: TcpProxy;
  const replicas: ServiceProcess[] = [];

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    const { url } = world.cluster('c-one').plane;
    proxy = await startTcpProxy(url);
    await world.register('c-one', { server: proxy.url(url) });
    await world.createUser('u-ada');
    await world.createUser('u-bob');
  });
  afterEach(async () => {
    for (const replica of replicas.splice(0)) await replica.stop();
    await world.killOperator();
    await proxy.heal();
  });
  afterAll(async () => {
    await proxy.close();
    await world.close();
  });

  const downstream = (): Promise<readonly string[]> => world.cluster('c-one').tokenNames();
  const away = async (): Promise<void> => {
    await proxy.refuse();
    await world.waitCondition('c-one', 'Connected', { status: 'False' });
  };
  const records = (): Promise<readonly Any[]> => world.management.list(CONFIG_MAPS, OWN_NAMESPACE);

  async function replica(): Promise<ServiceProcess> {
    const { adminKubeconfig } = world.management.plane;
    const started = await startService({
      args: ['operator', '--kubeconfig', adminKubeconfig, '--listen', '127.0.0.1:0', ...FAST_LEASE],
      announcement: 'health and metrics',
      startedPath: '/readyz',
    });
    replicas.push(started);
    return started;
  }

  test('are carried out, each of them, when all replicas were replaced while the cluster was away', async () => {
    const tokens = await world.createTokens('roll', 30, 'c-one', 'u-ada');
    const before = [await replica(), await replica()];
    await world.waitSynced('c-one', '30/30');
    await away();
    const revoked = tokens.slice(0, 12);
    await Promise.all(revoked.map((name) => world.deleteToken(name)));
    await eventually(async () => {
      const owed = await Promise.all(before.map((one) => one.metric(PENDING)));
      expect(Math.max(...owed)).toBe(12);
    }, LONG);
    await eventually(async () => expect(await records()).toHaveLength(1), LONG);
    for (const old of before) {
      await replica();
      await old.stop();
    }
    await proxy.heal();
    await eventually(async () => expect(await downstream()).toEqual([...tokens.slice(12)].sort()), LONG);
    expect(await world.condition('c-one', 'GCBlocked')).toMatchObject({ status: 'False' });
  });

  test('are counted right after a restart, before the cluster is reached, with their age', async () => {
    await world.startOperator();
    await world.waitSynced('c-one', '18/18');
    // That status may be of the process before.
    await eventually(async () => expect(await world.operator?.metric(UNSEEN)).toBe(0), LONG);
    await away();
    await world.deleteToken('roll-12');
    await eventually(async () => expect((await records())[0]?.data.summary).toMatch(/^1 revocations/), LONG);
    await world.killOperator();
    // One that nobody sees.
    await world.deleteToken('roll-13');
    await world.startOperator();
    await eventually(async () => expect(await world.operator?.metric(PENDING)).toBe(2), LONG);
    expect(await world.operator?.metric(OLDEST)).toBeGreaterThan(0.5);
    expect(await world.operator?.metric(UNSEEN)).toBe(1);
    // And what is revoked now, of a cluster that this process has never seen.
    await world.deleteToken('roll-14');
    await world.patchToken('roll-15', { enabled: false });
    await eventually(async () => expect(await world.operator?.metric(PENDING)).toBe(4), LONG);
    await proxy.heal();
    await world.waitSynced('c-one', '14/14');
    await eventually(async () => {
      expect(await world.operator?.metric(PENDING)).toBe(0);
      expect(await world.operator?.metric(OLDEST)).toBe(0);
      expect(await world.operator?.metric(UNSEEN)).toBe(0);
    }, LONG);
  });

  test('of a user who was disabled, and of one who was deleted with her tokens, too', async () => {
    await world.createTokens('bob', 15, 'c-one', 'u-bob');
    await world.startOperator();
    await world.waitSynced('c-one', '29/29');
    await away();
    await world.management.remove(USERS, 'u-bob');
    await eventually(async () => expect(await world.operator?.metric(PENDING)).toBeGreaterThan(0), LONG);
    await world.killOperator();
    await proxy.heal();
    await world.startOperator();
    await eventually(async () => {
      expect((await downstream()).filter((name) => name.startsWith('bob'))).toEqual([]);
      expect(await world.cluster('c-one').clusterUserAttribute('u-bob')).toBeUndefined();
    }, LONG);
    expect(await world.condition('c-one', 'GCBlocked')).toMatchObject({ status: 'False' });
  });

  test('of groups that a disabled user lost are known to the next process, too, though it finds the user enabled', async () => {
    const groups = async (): Promise<unknown> =>
      (await world.cluster('c-one').clusterUserAttribute('u-cyd'))?.groups;
    const written = async (): Promise<Debt | undefined> => {
      const record = (await records())[0]?.binaryData?.record;
      return record && (await unpack(Buffer.from(record, 'base64'))).owed.get('user/u-cyd');
    };
    await world.createUser('u-cyd', {}, ['group://a', 'group://b']);
    await world.createTokens('cyd', 1, 'c-one', 'u-cyd');
    await world.startOperator();
    await eventually(async () => expect(await groups()).toEqual(['group://a', 'group://b']), LONG);
    await world.waitSynced('c-one');
    await away();
    await world.management.patch(USERS, 'u-cyd', { enabled: false });
    await eventually(async () => expect(await written()).toMatchObject({ cause: 'user' }), LONG);
    await world.setGroups('u-cyd', ['group://a']);
    await eventually(async () => expect(await written()).toMatchObject({ isOfGroups: true }), LONG);
    await world.killOperator();
    await world.management.patch(USERS, 'u-cyd', { enabled: true });
    await world.startOperator();
    await eventually(async () => expect(await world.operator?.metric(PENDING)).toBe(1), LONG);
    await proxy.heal();
    await eventually(async () => {
      expect(await groups()).toEqual(['group://a']);
      expect(await world.operator?.metric(PENDING)).toBe(0);
    }, LONG);
  });

  test('are carried out, all of them, when the one process is killed amid a thousand', async () => {
    const many = await world.createTokens('many', 1_000, 'c-one', 'u-ada');
    await world.startOperator();
    await eventually(async () => expect((await downstream()).length).toBeGreaterThanOrEqual(1_000), {
      ...LONG,
      timeoutMs: 120_000,
    });
    const deletions = (async () => {
      for (let index = 0; index < many.length; index += 50) {
        await Promise.all(many.slice(index, index + 50).map((name) => world.deleteToken(name)));
      }
    })();
    // What was seen of it is written down: of what nobody saw the brake would decide.
    const isUnderWay = /^(\d\d+|[3-9]) revocations/;
    await eventually(async () => expect((await records())[0]?.data.summary).toMatch(isUnderWay), {
      ...LONG,
      intervalMs: 10,
    });
    await world.killOperator();
    await deletions;
    expect((await downstream()).filter((name) => name.startsWith('many')).length).toBeGreaterThan(300);
    await world.startOperator();
    await eventually(
      async () => expect((await downstream()).filter((name) => name.startsWith('many'))).toEqual([]),
      { ...LONG, timeoutMs: 120_000 },
    );
    expect(await world.condition('c-one', 'GCBlocked')).toMatchObject({ status: 'False' });
  }, 300_000);
});
