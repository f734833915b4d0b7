import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  CLUSTER_AUTH_TOKENS,
  CLUSTER_PROPAGATIONS,
  CUSTOM_RESOURCE_DEFINITIONS,
  TOKENS,
} from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { kubectl } from '../support/kubectl.ts';
import { startOperator } from '../support/operator-process.ts';
import { NAMESPACE, startWorld, type World } from '../support/world.ts';

const SOON = { timeoutMs: 30_000, intervalMs: 50 };
const FOREIGN = 'not-ours';

/** 2 objects a token and one for the user, so 10 % are fewer than the 20 that are always allowed. */
const TOKENS_AT_START = 60;

describe('the brake on garbage collection', () => {
  let world: World;
  let tokens: readonly string[];

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.register('c-one');
    await world.createUser('u-ada');
    tokens = await world.createTokens('t', TOKENS_AT_START, 'c-one', 'u-ada');
    await world.startOperator();
    await world.waitSynced('c-one', '60/60');
    await world.cluster('c-one').create(CLUSTER_AUTH_TOKENS, {
      apiVersion: 'cluster.cattle.io/v3',
      kind: 'ClusterAuthToken',
      metadata: { name: FOREIGN, namespace: NAMESPACE },
      userName: 'u-ada',
      enabled: true,
    });
  });
  afterAll(() => world.close());

  const present = async (): Promise<readonly string[]> =>
    (await world.cluster('c-one').tokenNames()).filter((name) => name !== FOREIGN);

  test('stops a sweep at the start that would take too much away, and tells a person', async () => {
    await world.stopOperator();
    await Promise.all(tokens.slice(0, 40).map((name) => world.deleteToken(name)));
    await world.startOperator();

    await world.waitCondition('c-one', 'GCBlocked', { status: 'True', reason: 'GCBlocked' });
    await world.waitCondition('c-one', 'Ready', { status: 'False', reason: 'GCBlocked' });
    expect(await present()).toHaveLength(TOKENS_AT_START);
    await eventually(async () => {
      const [event] = await world.events('GCBlocked');
      expect(event).toMatchObject({
        type: 'Warning',
        involvedObject: { kind: 'ClusterPropagation', name: 'c-one' },
        message: expect.stringContaining('ace-operator.io/allow-gc=80'),
      });
    });
  });

  test('holds back nothing else: new tokens arrive, and a deletion that is seen is carried out', async () => {
    await world.createToken('during', 'c-one', 'u-ada');
    await eventually(async () => expect(await present()).toContain('during'), SOON);
    await world.deleteToken('during');
    await eventually(async () => expect(await present()).toHaveLength(TOKENS_AT_START), SOON);
  });

  test('lets the sweep pass once when a person allows it', async () => {
    await allowGc(world);

    await eventually(async () => expect(await present()).toEqual([...tokens.slice(40)].sort()), SOON);
    await eventually(async () =>
      expect((await world.propagation('c-one')).metadata.annotations ?? {}).toEqual({}),
    );
    await world.waitCondition('c-one', 'GCBlocked', { status: 'False' });
    await world.waitSynced('c-one', '20/20');
  });

  test('is not touched by a few orphans', async () => {
    await world.stopOperator();
    await Promise.all(tokens.slice(40, 50).map((name) => world.deleteToken(name)));
    await world.startOperator();

    await eventually(async () => expect(await present()).toEqual([...tokens.slice(50)].sort()), SOON);
    expect(await world.condition('c-one', 'GCBlocked')).toMatchObject({ status: 'False' });
  });

  test('looks at an allowance each time that it is given, and takes it off', async () => {
    for (const _time of ['first', 'second']) {
      await allowGc(world);
      await eventually(async () =>
        expect((await world.propagation('c-one')).metadata.annotations ?? {}).toEqual({}),
      );
    }
  });

  test('lets through what expires, however much', async () => {
    const expiresAt = new Date(Date.now() + 5_000).toISOString();
    const expiring = await world.createTokens('expiring', 60, 'c-one', 'u-ada', { expiresAt });
    await eventually(async () => expect(await present()).toEqual(expect.arrayContaining([...expiring])));

    await eventually(async () => expect(await present()).toEqual([...tokens.slice(50)].sort()), SOON);
    await Promise.all(expiring.map((name) => world.deleteToken(name)));
  });

  test('deletes nothing while the kind Token is not served, nor over a restart in that time', async () => {
    await serveTokens(world, false);
    await eventually(() => expectLog(world, 'management watch failed'), { timeoutMs: 60_000 });
    expect(await present()).toHaveLength(10);

    await world.killOperator();
    const { plane } = world.management;
    const blind = await startOperator(plane.adminKubeconfig, [], { untilReady: false });
    await eventually(() =>
      expect(blind.logs()).toContainEqual(expect.objectContaining({ message: 'management watch failed' })),
    );
    expect((await blind.http('/readyz')).status).toBe(503);
    await blind.stop();
    expect(await present()).toHaveLength(10);

    await serveTokens(world, true);
    await world.startOperator();
    await world.waitSynced('c-one', '10/10');
  });

  test('lets through the deletion of all tokens when each is told', async () => {
    await kubectl(world.management.plane.adminKubeconfig, 'delete', 'tokens.management.cattle.io', '--all');

    await eventually(async () => expect(await present()).toEqual([]), SOON);
    expect(await world.condition('c-one', 'GCBlocked')).toMatchObject({ status: 'False' });
  });

  test('and all that went before left the objects of others alone', async () => {
    expect(await world.cluster('c-one').clusterAuthToken(FOREIGN)).toMatchObject({ enabled: true });
  });
});

async function allowGc({ management }: World): Promise<void> {
  const metadata = { annotations: { 'ace-operator.io/allow-gc': '80' } };
  await management.patch(CLUSTER_PROPAGATIONS, 'c-one', { metadata });
}

/** Whether the API server knows the kind at all; the objects stay in etcd. */
async function serveTokens({ management }: World, served: boolean): Promise<void> {
  const name = `${TOKENS.plural}.${TOKENS.group}`;
  const definition = await management.get(CUSTOM_RESOURCE_DEFINITIONS, name);
  const versions = definition.spec.versions.map((version: object) => ({ ...version, served }));
  await management.patch(CUSTOM_RESOURCE_DEFINITIONS, name, { spec: { versions } });
  await eventually(async () => {
    const answers = await management.list(TOKENS).then(
      () => true,
      () => false,
    );
    expect(answers).toBe(served);
  });
}

function expectLog(world: World, message: string): void {
  expect(world.operator?.logs()).toContainEqual(expect.objectContaining({ message }));
}
