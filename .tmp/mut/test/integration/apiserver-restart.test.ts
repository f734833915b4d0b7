import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

const PATIENCE = { timeoutMs: 60_000, intervalMs: 50 };

describe('an API server that is killed and comes back', () => {
  let world: World;
  let standing: readonly string[];

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.register('c-one');
    await world.createUser('u-ada');
    standing = await world.createTokens('standing', 30, 'c-one', 'u-ada');
    await world.startOperator(['--hash-algorithm', 'sha3-512']);
    await world.waitSynced('c-one', '30/30');
  });
  afterAll(() => world.close());

  for (const which of ['management', 'downstream'] as const) {
    test(`in the ${which} plane, under change, loses nothing and takes nothing wrongly away`, async () => {
      const pid = world.operator?.pid;
      const before = await uids(world, standing);
      const churn = startChurn(world, which);
      await churn.changes(20);

      const { plane } = which === 'management' ? world.management : world.cluster('c-one');
      await plane.restartApiServer();
      await churn.changes(20);
      const survivors = await churn.stop();

      const wanted = [...standing, ...survivors].sort();
      await eventually(
        async () => expect(await world.cluster('c-one').tokenNames()).toEqual(wanted),
        PATIENCE,
      );
      await world.waitSynced('c-one', `${wanted.length}/${wanted.length}`);
      // The same objects as before, not others of the same name: none was ever taken away.
      expect(await uids(world, standing)).toEqual(before);
      expect(world.operator?.pid).toBe(pid);
      expect((await world.operator?.http('/readyz'))?.status).toBe(200);
      await Promise.all(survivors.map((name) => world.deleteToken(name)));
      await world.waitSynced('c-one', '30/30');
    });
  }
});

/** Tokens are created and every other one is deleted, one after the other, whatever the servers do. */
function startChurn(
  world: World,
  prefix: string,
): {
  /** Resolves after so many further changes. */
  changes(count: number): Promise<void>;
  /** @returns the names of the tokens that are left */
  stop(): Promise<readonly string[]>;
} {
  const survivors: string[] = [];
  let made = 0;
  let stopped = false;
  const insist = async (step: () => Promise<unknown>): Promise<void> => {
    await eventually(step, PATIENCE);
    made += 1;
  };
  const run = async (): Promise<void> => {
    for (let index = 0; !stopped; index += 1) {
      const name = `${prefix}-${index}`;
      await insist(() => ensureToken(world, name));
      if (index % 2 === 0) await insist(() => world.deleteToken(name));
      else survivors.push(name);
      await delay(10);
    }
  };
  const running = run();
  return {
    async changes(count) {
      const wanted = made + count;
      await eventually(() => expect(made).toBeGreaterThanOrEqual(wanted), PATIENCE);
    },
    async stop() {
      stopped = true;
      await running;
      return survivors;
    },
  };
}

/** A create whose answer was lost may have worked. */
async function ensureToken(world: World, name: string): Promise<void> {
  try {
    await world.createToken(name, 'c-one', 'u-ada');
  } catch (error) {
    if (!(error instanceof Error && error.message.includes('AlreadyExists'))) throw error;
  }
}

async function uids(world: World, names: readonly string[]): Promise<readonly string[]> {
  const objects = await Promise.all(names.map((name) => world.cluster('c-one').clusterAuthToken(name)));
  return objects.map((object) => object?.metadata.uid);
}
