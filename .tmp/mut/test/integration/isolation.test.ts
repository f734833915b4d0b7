import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startTcpProxy, type TcpProxy } from '../support/tcp-proxy.ts';
import { startWorld, type World } from '../support/world.ts';

const HEALTHY = ['c-one', 'c-two'];
/** Far more than 100 tokens need; far less than anything that waits for a dead cluster. */
const LIMIT_MS = 10_000;
const PATIENCE = { timeoutMs: 90_000, intervalMs: 100 };

describe('one of three clusters that does not answer', () => {
  let world: World;
  let proxy: TcpProxy;
  let startMs: number;

  beforeAll(async () => {
    world = await startWorld({ clusters: [...HEALTHY, 'c-dead'] });
    const { plane } = world.cluster('c-dead');
    proxy = await startTcpProxy(plane.url);
    proxy.blackhole();
    for (const id of HEALTHY) await world.register(id);
    await world.register('c-dead', { server: proxy.url(plane.url) });
    await world.createUser('u-ada');
    startMs = performance.now();
    await world.startOperator();
  });
  afterAll(async () => {
    await world.close();
    await proxy.close();
  });

  test('from the start does not slow the others down, and is only probed', async () => {
    await world.createTokens('early-dead', 50, 'c-dead', 'u-ada');
    await expectPropagated(world, 'early');

    await world.waitCondition('c-dead', 'Connected', { status: 'False', reason: 'Unreachable' });
    const propagation = await world.propagation('c-dead');
    expect(Date.parse(propagation.status.nextRetryTime) - Date.now()).toBeLessThan(31_000);
    // A probe is one connection, given up after 5 s, and the pauses between them grow: 0.5 s, then 1 s at least.
    await eventually(() => expect(proxy.acceptedConnections).toBeGreaterThanOrEqual(3), PATIENCE);
    expect(proxy.acceptedConnections).toBe(3);
    expect(performance.now() - startMs).toBeGreaterThan(11_000);
  });

  test('gets everything once it answers', async () => {
    await proxy.heal();
    await world.waitSynced('c-dead', '50/50');
    await world.waitCondition('c-dead', 'Connected', { status: 'True' });
  });

  test('any more does not slow the others down either', async () => {
    proxy.blackhole();
    await world.createTokens('late-dead', 50, 'c-dead', 'u-ada');
    await world.deleteToken('early-dead-0');
    await expectPropagated(world, 'late');

    await eventually(
      async () =>
        expect(await world.condition('c-dead', 'Connected')).toMatchObject({
          status: 'False',
          reason: 'Unreachable',
        }),
      PATIENCE,
    );
    for (const id of HEALTHY) {
      expect(await world.condition(id, 'Synced')).toMatchObject({ status: 'True' });
    }
  });

  test('any more gets everything, revocations included, once it answers again', async () => {
    await proxy.heal();
    await world.waitSynced('c-dead', '99/99');
    expect(await world.cluster('c-dead').tokenNames()).not.toContain('early-dead-0');
    expect(await world.cluster('c-dead').tokenNames()).toHaveLength(99);
  });
});

/** 50 new tokens for each healthy cluster, all there within {@link LIMIT_MS}. */
async function expectPropagated(world: World, prefix: string): Promise<void> {
  const startMs = performance.now();
  const created = await Promise.all(
    HEALTHY.map((id) => world.createTokens(`${prefix}-${id}`, 50, id, 'u-ada')),
  );
  await eventually(
    async () => {
      for (const [index, id] of HEALTHY.entries())
        expect(await world.cluster(id).tokenNames()).toEqual(
          expect.arrayContaining([...(created[index] ?? [])]),
        );
    },
    { timeoutMs: LIMIT_MS },
  );
  console.log(
    `isolation: ${prefix}: 2 x 50 tokens in ${Math.round(performance.now() - startMs)} ms beside a dead cluster`,
  );
}
