import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identified } from '../../../src/api/types.ts';
import { KubeClient } from '../../../src/kube/client.ts';
import { PlaneIdentity } from '../../../src/kube/plane-identity.ts';
import { Store } from '../../../src/kube/store.ts';
import { Transport } from '../../../src/kube/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { aList, anItem, aStatus, type Reflection, reflect, WatchServer } from '../../support/watch-server.ts';

describe('a plane that is put back to an earlier state', () => {
  let server: WatchServer;
  let reflection: Reflection;
  let gone: string[];
  beforeEach(async () => {
    server = new WatchServer();
    backTo('1000', anItem('a', '1'), anItem('b', '960'), anItem('c', '970'));
    reflection = reflect(await server.listen(), { backoffBaseMs: 1, backoffMaxMs: 2 });
    gone = [];
    reflection.store.onChange((event) => {
      if (event.type === 'deleted') gone.push(`${event.object.name} ${event.how}`);
    });
    await reflection.reflector.synced;
    await eventually(() => server.watch(1));
  });
  afterEach(async () => {
    await reflection.close();
    await server.close();
  });

  function backTo(version: string, ...items: readonly object[]): void {
    server.version = version;
    server.onList = () => aList(items, version);
  }
  const held = (): readonly string[] => [...reflection.store.list()].map(({ name }) => name);

  test('deleted nothing: what it does not have is told apart from what was deleted', async () => {
    server.watch(1).send('DELETED', anItem('c', '1001'));
    await eventually(() => expect(held()).toEqual(['a', 'b']));
    backTo('500', anItem('a', '1'));
    server.watch(1).cut();
    await eventually(() => expect(held()).toEqual(['a']));
    backTo('600');
    await reflection.reflector.refresh();
    expect(gone).toEqual(['c told', 'b put-back', 'a missing']);
  });

  test('deleted what its backup had, where that is certain: something that was made later is as it was', async () => {
    backTo('980', anItem('b', '960'));
    server.watch(1).cut();
    await eventually(() => expect(held()).toEqual(['b']));
    expect(gone).toEqual(['a missing', 'c put-back']);
  });

  test('is not known to have had what came before something that was changed since', async () => {
    backTo('980', { ...anItem('b', '960'), note: 'as it was' });
    server.watch(1).cut();
    await eventually(() => expect(held()).toEqual(['b']));
    expect(gone).toEqual(['a put-back', 'c put-back', 'b put-back']);
  });

  test('is known to be put back until it was listed, though it has come further than before by then', async () => {
    server.version = '950';
    let refused = 0;
    server.onList = () => {
      refused += 1;
      return refused < 3 ? aStatus(500, 'InternalError') : aList([anItem('a', '1')], '1100');
    };
    server.watch(1).end();
    await eventually(() => expect(held()).toEqual(['a']));
    expect(gone).toEqual(['b put-back', 'c put-back']);
  });

  test('may use a version for something else: that is taken over', async () => {
    const other = { ...anItem('a', '1'), note: 'as it was' };
    backTo('500', other);
    server.watch(1).cut();
    await eventually(() =>
      expect(reflection.store.get('a')).toMatchObject({ object: { note: 'as it was' } }),
    );
    expect(gone).toContain('a put-back');
    gone.length = 0;
    await reflection.reflector.refresh();
    expect(gone).toEqual([]);
  });

  test('is noticed, too, where its versions were raised for it: an object is as it was before what is held of it', async () => {
    server.watch(1).send('MODIFIED', anItem('b', '1005'));
    await eventually(() => expect(reflection.store.get('b')?.resourceVersion).toBe('1005'));
    backTo('1000001000', anItem('a', '1'), anItem('b', '960'));
    await reflection.reflector.refresh();
    await eventually(() => expect(reflection.store.get('b')?.resourceVersion).toBe('960'));
    expect(gone).toEqual(['c put-back']);
  });

  test('is noticed by a list beside the watch, whichever of the two was ahead', async () => {
    backTo('2000', anItem('a', '1'), anItem('b', '1900'));
    await reflection.reflector.catchUp();
    // The watch has told nothing since the first list.
    backTo('1500', anItem('a', '1'), anItem('b', '960'));
    await reflection.reflector.catchUp();
    expect(gone).toEqual(['c missing']);
    expect(reflection.store.get('b')?.resourceVersion).toBe('960');
    backTo('1000002000', anItem('a', '1'));
    await reflection.reflector.catchUp();
    backTo('1000003000', anItem('a', '0'), anItem('e', '5'));
    await reflection.reflector.catchUp();
    expect([reflection.store.get('a')?.resourceVersion, held()]).toEqual(['0', ['a', 'e']]);
  });

  test('is noticed, too, where it is ahead of what the watch told, and behind a list that was read beside it', async () => {
    backTo('2000', anItem('a', '1'));
    await reflection.reflector.catchUp();
    backTo('1500', anItem('a', '1'), anItem('d', '1400'));
    server.watch(1).end();
    await eventually(() => expect(held()).toEqual(['a', 'd']));
    expect(reflection.restarts).toContain('rolled-back');
    await eventually(() => expect(server.watches.at(-1)?.query.get('resourceVersion')).toBe('1500'));
    server.watches.at(-1)?.send('DELETED', anItem('a', '1501'));
    await eventually(() => expect(held()).toEqual(['d']));
  });
});

test.each([200, 503])(
  'another cluster that answers for a moment, with lower versions, and %i to the question who it is, puts no plane back: what is deleted then was deleted',
  async (code) => {
    const server = new WatchServer();
    let uid = 'one';
    let status = 200;
    server.onPath = (path) =>
      path.endsWith('/kube-system') ? { status, body: { metadata: { uid } } } : undefined;
    server.version = '1000';
    server.onList = () => aList([anItem('a', '1'), anItem('b', '960')], '1000');
    const url = await server.listen();
    const access = { server: url, tls: {}, headers: async () => ({}) };
    const transport = new Transport(access, { connections: 4, timeoutMs: 5_000, userAgent: 'test' });
    const plane = new PlaneIdentity(new KubeClient(transport));
    const reflection = reflect(url, { backoffBaseMs: 1, backoffMaxMs: 2 }, { plane });
    const gone: string[] = [];
    reflection.store.onChange((event) => {
      if (event.type === 'deleted') gone.push(`${event.object.name} ${event.how}`);
    });
    await reflection.reflector.synced;
    await eventually(() => server.watch(1));
    // The plane said who it is a moment ago.
    [uid, server.version, status] = ['two', '500', code];
    server.onList = () => aStatus(503, 'ServiceUnavailable');
    server.watch(1).end();
    await eventually(() => expect(server.lists.length).toBeGreaterThan(2));
    [uid, server.version, status] = ['one', '1100', 200];
    server.onList = () => aList([anItem('a', '1')], '1100');
    await eventually(() => expect(gone).toHaveLength(1));
    expect([gone, reflection.restarts.includes('rolled-back')]).toEqual([['b missing'], false]);
    await reflection.close();
    await transport.close();
    await server.close();
  },
);

test('a plane that is put back, and cannot say who it is for a while, is noticed to be put back all the same', async () => {
  const server = new WatchServer();
  let status = 200;
  server.onPath = (path) =>
    path.endsWith('/kube-system') ? { status, body: { metadata: { uid: 'one' } } } : undefined;
  server.version = '1000';
  server.onList = () => aList([anItem('a', '1'), anItem('b', '960')], '1000');
  const url = await server.listen();
  const access = { server: url, tls: {}, headers: async () => ({}) };
  const transport = new Transport(access, { connections: 4, timeoutMs: 5_000, userAgent: 'test' });
  const plane = new PlaneIdentity(new KubeClient(transport));
  const reflection = reflect(url, { backoffBaseMs: 1, backoffMaxMs: 2 }, { plane });
  const gone: string[] = [];
  reflection.store.onChange((event) => {
    if (event.type === 'deleted') gone.push(`${event.object.name} ${event.how}`);
  });
  await reflection.reflector.synced;
  await eventually(() => server.watch(1));
  [server.version, status] = ['500', 503];
  server.onList = () => aList([anItem('a', '1')], '500');
  server.watch(1).end();
  await eventually(() => expect(server.lists.length).toBeGreaterThan(2));
  expect(gone).toEqual([]);
  status = 200;
  await eventually(() => expect(gone).toEqual(['b put-back']));
  await reflection.close();
  await transport.close();
  await server.close();
});

test('a store that is told to hold the same takes no version for another state, unless the plane was put back', () => {
  const store = new Store<Identified & { readonly note: string }>();
  const as = (note: string) => ({ namespace: '', name: 'a', uid: 'u', resourceVersion: '1', note });
  store.replace([as('one')]);
  expect([store.replace([as('two')]), store.get('a')?.note]).toEqual([0, 'one']);
  expect([store.replace([as('two')], true), store.get('a')?.note]).toEqual([1, 'two']);
});
