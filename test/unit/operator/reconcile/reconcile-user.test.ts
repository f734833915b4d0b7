import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { aToken, groupsOf, HOUR, NOW, NOW_TEXT, SECOND, timeText } from '../../../support/builders.ts';
import { ReconcileWorld } from '../../../support/reconcile-world.ts';

let world: ReconcileWorld;
beforeEach(() => {
  world = new ReconcileWorld();
});
afterEach(async () => {
  await world.close();
});

const user = (name = 'u-1'): object | undefined => world.downstream.find('ClusterUserAttribute', name);

describe('reconcileUser', () => {
  test('a user without tokens here is not written', async () => {
    world.putUser();
    world.putAttribute();
    await world.settle();
    expect([user(), world.downstream.requests, world.outcomes.get('user/u-1')]).toEqual([
      undefined,
      0,
      undefined,
    ]);
  });

  test('a UserAttribute that went with its User takes no groups, until somebody says what became of the User', async () => {
    world.putUser();
    world.putToken();
    world.putAttribute({ GroupPrincipals: { a: groupsOf('x') } });
    await world.settle();
    world.goneUsers.add('u-1');
    world.deleteAttribute();
    await world.settle();
    expect(user()).toMatchObject({ groups: ['x'] });
    world.goneUsers.clear();
    await world.advance(SECOND);
    expect(user()).toMatchObject({ groups: [] });
  });

  test('a missing UserAttribute means empty groups, and does not keep the token waiting', async () => {
    world.putUser();
    world.putToken();
    await world.settle();
    expect(user()).toMatchObject({ enabled: true, groups: [], lastRefresh: '' });
    expect(world.outcomes.get('token/t-1')).toMatchObject({ state: 'synced' });
  });

  test('groups follow, sorted and whole', async () => {
    world.putUser();
    world.putToken();
    world.putAttribute({ GroupPrincipals: { b: groupsOf('z', 'y'), a: groupsOf('x') } });
    await world.settle();
    expect(user()).toMatchObject({ groups: ['x', 'y', 'z'] });
    world.putAttribute({ GroupPrincipals: { b: groupsOf('z') } });
    await world.settle();
    expect(user()).toMatchObject({ groups: ['z'] });
    world.deleteAttribute();
    await world.settle();
    expect(user()).toMatchObject({ groups: [] });
  });

  test('extras come and go whole', async () => {
    world.putUser();
    world.putToken();
    world.putAttribute({
      ExtraByProvider: { local: { username: ['a'], principalid: ['b'] }, github: { username: ['c'] } },
    });
    await world.settle();
    world.putAttribute({ ExtraByProvider: { local: { username: ['a'] } } });
    await world.settle();
    expect(user()).toMatchObject({ extraByProvider: { local: { username: ['a'] } } });
    expect(JSON.stringify(user())).not.toMatch(/principalid|github/);
    world.putAttribute();
    await world.settle();
    expect(user()).not.toHaveProperty('extraByProvider');
  });

  test('the authenticator’s request for a refresh stays until a newer refresh answers it', async () => {
    world.putUser();
    world.putToken();
    world.putAttribute({ LastRefresh: NOW_TEXT });
    await world.settle();
    world.downstream.edit('ClusterUserAttribute', 'u-1', { needsRefresh: true });
    world.putAttribute({ LastRefresh: NOW_TEXT, GroupPrincipals: { a: groupsOf('new') } });
    await world.settle();
    expect(user()).toMatchObject({ needsRefresh: true, groups: ['new'] });
    world.putAttribute({ LastRefresh: timeText(NOW + HOUR), GroupPrincipals: { a: groupsOf('new') } });
    await world.settle();
    expect(user()).toMatchObject({ needsRefresh: false, lastRefresh: timeText(NOW + HOUR) });
  });

  test('a user who was recreated is the new one', async () => {
    world.putUser();
    world.putToken();
    await world.settle();
    world.deleteUser();
    world.putUser({}, { uid: 'uid-again' });
    await world.settle();
    expect(user()).toMatchObject({ metadata: { annotations: { 'ace-operator.io/user-uid': 'uid-again' } } });
  });

  // While the only token is on its way out the user is not needed; a change of that time must not be lost.
  const changes: Record<string, { change: () => void; want: object }> = {
    disabling: { change: () => world.putUser({ enabled: false }), want: { enabled: false } },
    'losing a group': { change: () => world.putAttribute({ GroupPrincipals: {} }), want: { groups: [] } },
  };
  for (const [title, { change, want }] of Object.entries(changes)) {
    test(`${title} while the only token is for a moment not wanted is not lost when it is wanted again`, async () => {
      world.putUser();
      world.putAttribute();
      world.putToken();
      await world.settle();
      change();
      world.management.tokens.put(aToken({ enabled: false }, { resourceVersion: '98' }));
      while ((await world.workOne()) !== 'user/u-1') expect(world.queue.size).toBeGreaterThan(0);
      world.putToken();
      await world.settle();
      expect(user()).toMatchObject(want);
      expect(world.outcomes.get('token/t-1')?.state).not.toBe('pending');
    });
  }

  test('a user that is being deleted is refused', async () => {
    world.putUser();
    world.putToken();
    await world.settle();
    world.putUser({}, { deletionTimestamp: NOW_TEXT });
    await world.settle();
    expect(user()).toMatchObject({ enabled: false });
  });

  test('while suspended a user is still disabled, and not enabled', async () => {
    world.putUser();
    world.putToken();
    await world.settle();
    world.spec = { ...world.spec, suspend: true };
    world.putUser({ enabled: false });
    await world.settle();
    expect(user()).toMatchObject({ enabled: false });
    world.putUser();
    await world.settle();
    expect(user()).toMatchObject({ enabled: false });
    expect(world.outcomes.get('user/u-1')).toEqual({ state: 'pending', reason: 'Suspended' });
  });

  test('while suspended a user still loses a group, and gains none', async () => {
    const groups = (...names: string[]): { GroupPrincipals: object } => ({
      GroupPrincipals: { local: { Items: names.map((name) => ({ metadata: { name } })) } },
    });
    world.putUser();
    world.putAttribute(groups('a', 'b'));
    world.putToken();
    await world.settle();
    world.spec = { ...world.spec, suspend: true };
    world.putAttribute(groups('b', 'c'));
    await world.settle();
    expect(user()).toMatchObject({ groups: ['b'], enabled: true });
  });

  test('a user who is not in our store but live is left alone, and looked at again', async () => {
    world.putUser();
    world.putToken();
    await world.settle();
    world.aheadOfWatch.add('User/u-1');
    world.deleteUser();
    await world.settle();
    expect(user()).toMatchObject({ enabled: true });
    expect(world.planned.has('user/u-1')).toBe(true);
  });

  test('does not go while one of its tokens is still there', async () => {
    world.putUser();
    world.putToken();
    await world.settle();
    world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { finalizers: ['example.com/hold'] } });
    world.deleteToken();
    await world.settle();
    expect(user()).toBeDefined();
    world.downstream.edit('ClusterAuthToken', 't-1', { metadata: { finalizers: null } });
    await world.settle();
    expect(world.downstream.objects()).toEqual([]);
  });
});
