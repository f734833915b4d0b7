import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { startWorld, type World } from '../support/world.ts';

describe('a token with a user', () => {
  let world: World;

  beforeAll(async () => {
    world = await startWorld({ clusters: ['c-one'] });
    await world.register('c-one');
    await world.startOperator();
  });
  afterAll(() => world.close());

  test('reaches its cluster as ClusterUserAttribute, Secret and ClusterAuthToken', async () => {
    await world.createUser('u-ada', {}, ['group://b', 'group://a']);
    await world.createToken('token-ada', 'c-one', 'u-ada');
    await world.waitSynced('c-one', '1/1');

    expect(await world.cluster('c-one').ours()).toEqual(['cat/token-ada', 'cua/u-ada', 'secret/token-ada']);
    const token = await world.cluster('c-one').clusterAuthToken('token-ada');
    expect(token).toMatchObject({ userName: 'u-ada', enabled: true });
    expect(token).not.toHaveProperty('hash');
    const attribute = await world.cluster('c-one').clusterUserAttribute('u-ada');
    expect(attribute).toMatchObject({
      groups: ['group://a', 'group://b'],
      enabled: true,
      needsRefresh: false,
    });
  });

  test('leaves nothing behind when it is deleted', async () => {
    await world.deleteToken('token-ada');
    await eventually(async () => expect(await world.cluster('c-one').ours()).toEqual([]));
  });
});
