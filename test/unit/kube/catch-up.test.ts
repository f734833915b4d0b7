import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Identified } from '../../../src/api/types.ts';
import { mergeList } from '../../../src/kube/merge-list.ts';
import { Store } from '../../../src/kube/store.ts';
import { eventually } from '../../support/eventually.ts';
import {
  aList,
  anItem,
  aStatus,
  type OpenWatch,
  type Reflection,
  reflect,
  WatchServer,
} from '../../support/watch-server.ts';

describe('a list that is read beside the watch', () => {
  let server: WatchServer;
  let reflection: Reflection;
  beforeEach(async () => {
    server = new WatchServer();
    server.onStream = () => undefined;
    reflection = reflect(await server.listen());
    await list(1, '10', ['a', '1'], ['b', '2'], ['c', '3']);
    await reflection.reflector.synced;
    await eventually(() => server.watch(1));
  });
  afterEach(async () => {
    await reflection.close();
    await server.close();
  });

  const stream = (count: number): Promise<OpenWatch> =>
    eventually(() => {
      const open = server.streams[count - 1];
      if (!open) throw new Error(`${server.streams.length} streams`);
      return open;
    });
  /** Answers the `count`-th list. */
  async function list(count: number, version: string, ...items: readonly (readonly [string, string])[]) {
    const open = await stream(count);
    for (const [name, itemVersion] of items) open.send('ADDED', anItem(name, itemVersion));
    const annotations = { 'k8s.io/initial-events-end': 'true' };
    open.send('BOOKMARK', { metadata: { resourceVersion: version, annotations } });
  }
  const held = (): readonly string[] =>
    [...reflection.store.list()].map(({ name, resourceVersion }) => `${name} ${resourceVersion}`).sort();
  const holds = (...wanted: readonly string[]): Promise<void> =>
    eventually(() => expect(held()).toEqual(wanted));

  test('ends no watch: what that tells meanwhile arrives, and is not undone by the list', async () => {
    const caughtUp = reflection.reflector.catchUp();
    await stream(2);
    server.watch(1).send('MODIFIED', anItem('a', '13'));
    server.watch(1).send('DELETED', anItem('b', '14'));
    server.watch(1).send('ADDED', anItem('d', '15'));
    await holds('a 13', 'c 3', 'd 15');
    // As it was at 12, before all of that; and what no event has told.
    await list(2, '12', ['a', '1'], ['b', '2'], ['e', '11']);
    await caughtUp;
    expect(held()).toEqual(['a 13', 'd 15', 'e 11']);
    expect([server.watches.length, server.watch(1).closed]).toEqual([1, false]);
  });

  test('goes before a watch that lags behind it: what that tells late of before is not news', async () => {
    const caughtUp = reflection.reflector.catchUp();
    await list(2, '20', ['a', '1'], ['c', '18']);
    await caughtUp;
    expect(held()).toEqual(['a 1', 'c 18']);
    server.watch(1).send('MODIFIED', anItem('b', '15'));
    server.watch(1).send('MODIFIED', anItem('c', '16'));
    server.watch(1).send('DELETED', anItem('b', '17'));
    server.watch(1).send('DELETED', anItem('a', '21'));
    await holds('c 18');
    expect(reflection.told.filter((line) => line.includes('b '))).not.toContain('added b 15');
  });

  test('that fails is made up for by one that begins anew', async () => {
    server.onStream = () => aStatus(400, 'BadRequest');
    server.onList = () => aStatus(500, 'InternalError');
    const caughtUp = reflection.reflector.catchUp();
    await eventually(() => expect(server.lists.length).toBeGreaterThan(0));
    server.onList = () => aList([anItem('a', '1')], '30');
    await caughtUp;
    expect(held()).toEqual(['a 1']);
  });

  test('of a plane that went back takes the place of what is held', async () => {
    server.watch(1).send('ADDED', anItem('d', '15'));
    await holds('a 1', 'b 2', 'c 3', 'd 15');
    const caughtUp = reflection.reflector.catchUp();
    await list(2, '12', ['a', '1']);
    await list(3, '12', ['a', '1']);
    await caughtUp;
    expect(held()).toEqual(['a 1']);
  });

  test('of which two are asked for at a time is whole for both', async () => {
    const both = Promise.all([reflection.reflector.catchUp(), reflection.reflector.catchUp()]);
    await stream(3);
    server.onStream = () => aStatus(400, 'BadRequest');
    server.onList = () => aList([anItem('a', '31')], '32');
    await list(2, '12', ['a', '1']);
    await list(3, '12', ['a', '1']);
    await both;
    await holds('a 31');
  });
});

interface Thing extends Identified {
  readonly resourceVersion: string;
}

test('whatever a watch told before and after, a list leaves what is there', () => {
  const change = fc.record({ name: fc.constantFrom('a', 'b', 'c'), deleted: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 12 }),
      fc.nat(12),
      fc.nat(12),
      fc.nat(12),
      (changes, one, other, third) => {
        const history = changes.map((each, index) => ({ ...each, version: index + 1 }));
        const [began, listed, toldUpTo] = [one, other, third]
          .map((moment) => Math.min(moment, changes.length))
          .sort((x, y) => x - y) as [number, number, number];
        // The watch may be behind the list, or before it.
        for (const told of [began, toldUpTo]) {
          const store = new Store<Thing>();
          const deleted = new Map<string, string>();
          const apply = (from: number, to: number, tombs: boolean): void => {
            for (const { name, deleted: isDeletion, version } of history.slice(from, to)) {
              const object = thing(name, version);
              if (isDeletion) {
                if (tombs) deleted.set(name, String(version));
                store.remove(object);
              } else store.put(object);
            }
          };
          apply(0, began, false);
          apply(began, told, true);
          mergeList(store, { items: stateAt(history, listed), resourceVersion: String(listed) }, deleted);
          const now = Math.max(told, listed);
          expect(new Map([...store.list()].map((each) => [each.name, each.resourceVersion]))).toEqual(
            new Map(stateAt(history, now).map((each) => [each.name, each.resourceVersion])),
          );
        }
      },
    ),
  );
});

const thing = (name: string, version: number): Thing => ({
  ...{ name, namespace: '', uid: `uid-${name}`, resourceVersion: String(version) },
});

function stateAt(
  history: readonly { readonly name: string; readonly deleted: boolean; readonly version: number }[],
  moment: number,
): readonly Thing[] {
  const there = new Map<string, Thing>();
  for (const { name, deleted, version } of history.slice(0, moment)) {
    if (deleted) there.delete(name);
    else there.set(name, thing(name, version));
  }
  return [...there.values()];
}
