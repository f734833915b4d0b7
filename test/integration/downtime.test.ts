import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { USERS } from '../../src/api/names.ts';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

const SOON = { timeoutMs: 30_000, intervalMs: 50 };

describe('what happens while the operator is down', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.register('c-one');
  });
  afterAll(() => world.close());

  test('is caught when it starts: deleted, disabled, expired and new tokens, deleted, disabled and new users', async () => {
    const { management } = world;
    for (const user of ['u-ada', 'u-gone', 'u-off']) await world.createUser(user);
    for (const name of ['kept', 'deleted', 'disabled', 'moved-back'])
      await world.createToken(name, 'c-one', 'u-ada');
    await world.createToken('of-gone', 'c-one', 'u-gone');
    await world.createToken('of-off', 'c-one', 'u-off');
    const expiresMs = Date.now() + 15_000;
    await world.createToken('expired', 'c-one', 'u-ada', { expiresAt: new Date(expiresMs).toISOString() });
    await world.startOperator();
    await eventually(async () => expect(await world.cluster('c-one').tokenNames()).toHaveLength(7), SOON);
    await world.stopOperator();

    await world.deleteToken('deleted');
    await world.patchToken('disabled', { enabled: false });
    await world.patchToken('moved-back', { expiresAt: '2001-01-01T00:00:00Z' });
    await management.remove(USERS, 'u-gone');
    await management.patch(USERS, 'u-off', { enabled: false });
    await world.createUser('u-new', {}, ['group://new']);
    await world.createToken('of-new', 'c-one', 'u-new');
    await eventually(() => expect(Date.now()).toBeGreaterThan(expiresMs), { timeoutMs: 20_000 });
    expect(await world.cluster('c-one').tokenNames()).toHaveLength(7);
    await world.startOperator();

    await eventually(
      async () =>
        expect(await world.cluster('c-one').ours()).toEqual([
          'cat/kept',
          'cat/of-new',
          'cat/of-off',
          'cua/u-ada',
          'cua/u-new',
          'cua/u-off',
          'secret/kept',
          'secret/of-new',
          'secret/of-off',
        ]),
      SOON,
    );
    expect(await world.cluster('c-one').clusterUserAttribute('u-off')).toMatchObject({ enabled: false });
    expect(await world.cluster('c-one').clusterUserAttribute('u-new')).toMatchObject({
      enabled: true,
      groups: ['group://new'],
    });
  });

  test('or while it is killed in the middle of its work, ends as if nothing had been', async () => {
    await world.createUser('u-many');
    // Few enough for the GC brake: of some the deletion is never told to a running operator.
    const doomed = await world.createTokens('doomed', 8, 'c-one', 'u-many');
    await eventually(
      async () =>
        expect(await world.cluster('c-one').tokenNames()).toEqual(expect.arrayContaining([...doomed])),
      SOON,
    );

    const created = world.createTokens('created', 600, 'c-one', 'u-many');
    const deleted = Promise.all(doomed.map((name) => world.deleteToken(name)));
    await killOnceThereAre(world, 20);
    await created;
    await deleted;
    // Everything is decided upstream now; killed twice more on its way there.
    const before = await createdCount(world);
    expect(before).toBeLessThan(600);
    for (const more of [50, 150]) {
      await world.startOperator();
      await killOnceThereAre(world, before + more);
    }
    await world.startOperator();

    const wanted = [...(await created), 'kept', 'of-new', 'of-off'].sort();
    await eventually(async () => expect(await world.cluster('c-one').tokenNames()).toEqual(wanted), SOON);
    await eventually(
      async () => expect((await world.cluster('c-one').ours()).filter(isSecret)).toHaveLength(wanted.length),
      SOON,
    );
    await world.waitSynced('c-one', `${wanted.length - 1}/${wanted.length - 1}`);
  });
});

async function createdCount(world: World): Promise<number> {
  const names = await world.cluster('c-one').tokenNames();
  return names.filter((name) => name.startsWith('created-')).length;
}

async function killOnceThereAre(world: World, count: number): Promise<void> {
  await eventually(async () => expect(await createdCount(world)).toBeGreaterThanOrEqual(count), {
    timeoutMs: 30_000,
  });
  await world.killOperator();
}

const isSecret = (name: string): boolean => name.startsWith('secret/');
