import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Store } from '../../../src/kube/store.ts';

interface Thing {
  readonly name: string;
  readonly namespace: string;
  readonly uid: string;
  readonly resourceVersion: string;
  readonly owner: string;
}

const aThing = (name: string, uid = `${name}-1`, resourceVersion = '1', owner = 'alice'): Thing =>
  Object.freeze({ name, namespace: '', uid, resourceVersion, owner });

/** A store and, as `added a`, what it told. */
function aStore(): { store: Store<Thing>; told: string[] } {
  const store = new Store<Thing>({ owner: (thing) => thing.owner });
  const told: string[] = [];
  store.onChange((event) =>
    told.push(`${event.type} ${event.object.name} ${event.object.uid}/${event.object.resourceVersion}`),
  );
  return { store, told };
}

describe('Store', () => {
  test('an object is added, updated and removed, each told once', () => {
    const { store, told } = aStore();
    store.put(aThing('a'));
    store.put(aThing('a', 'a-1', '2'));
    store.remove(aThing('a', 'a-1', '3'));
    expect(told).toEqual(['added a a-1/1', 'updated a a-1/2', 'deleted a a-1/3']);
    expect([store.size, store.get('a')]).toEqual([0, undefined]);
  });

  test('an update tells what was there before', () => {
    const store = new Store<Thing>();
    const olds: unknown[] = [];
    store.onChange((event) => event.type === 'updated' && olds.push(event.old.resourceVersion));
    store.put(aThing('a'));
    store.put(aThing('a', 'a-1', '2'));
    expect(olds).toEqual(['1']);
  });

  test('the same version again is no event', () => {
    const { store, told } = aStore();
    store.put(aThing('a'));
    store.put(aThing('a'));
    expect(told).toHaveLength(1);
  });

  test('deleted and created again under the same name is a deletion and an addition, never an update', () => {
    const { store, told } = aStore();
    store.put(aThing('a', 'first'));
    store.put(aThing('a', 'second'));
    expect(told).toEqual(['added a first/1', 'deleted a first/1', 'added a second/1']);
  });

  test('two UIDs at the same version are still two objects', () => {
    const { store } = aStore();
    store.put(aThing('a', 'first', '7'));
    store.put(aThing('a', 'second', '7'));
    expect(store.get('a')?.uid).toBe('second');
  });

  test('a late deletion does not take away the successor', () => {
    const { store, told } = aStore();
    store.put(aThing('a', 'second'));
    store.remove(aThing('a', 'first', '9'));
    expect(store.get('a')?.uid).toBe('second');
    expect(told).toHaveLength(1);
  });

  test('removing what is not there is no event', () => {
    const { store, told } = aStore();
    store.remove(aThing('a'));
    expect(told).toEqual([]);
  });

  describe('replace', () => {
    test('what a watch missed comes out: deletions, additions, updates and replacements', () => {
      const { store, told } = aStore();
      for (const thing of [aThing('gone'), aThing('same'), aThing('edited'), aThing('recreated', 'first')])
        store.put(thing);
      told.length = 0;
      const count = store.replace([
        aThing('same'),
        aThing('edited', 'edited-1', '2'),
        aThing('recreated', 'second'),
        aThing('new'),
      ]);
      expect(told).toEqual([
        'deleted gone gone-1/1',
        'updated edited edited-1/2',
        'deleted recreated first/1',
        'added recreated second/1',
        'added new new-1/1',
      ]);
      expect(count).toBe(4);
    });

    test('an equal list is no event', () => {
      const { store, told } = aStore();
      store.replace([aThing('a'), aThing('b')]);
      told.length = 0;
      expect(store.replace([aThing('b'), aThing('a')])).toBe(0);
      expect(told).toEqual([]);
    });

    test('an empty list deletes everything', () => {
      const { store } = aStore();
      store.replace([aThing('a'), aThing('b')]);
      expect(store.replace([])).toBe(2);
      expect([...store.list()]).toEqual([]);
    });
  });

  describe('byIndex', () => {
    test('finds by value, and follows a value that changes', () => {
      const { store } = aStore();
      store.put(aThing('a'));
      store.put(aThing('b'));
      store.put(aThing('a', 'a-1', '2', 'bob'));
      expect(store.byIndex('owner', 'alice').map(({ name }) => name)).toEqual(['b']);
      expect(store.byIndex('owner', 'bob').map(({ name }) => name)).toEqual(['a']);
    });

    test('nothing, for a value or an index that nobody has', () => {
      const { store } = aStore();
      expect(store.byIndex('owner', 'nobody')).toEqual([]);
      expect(store.byIndex('colour', 'red')).toEqual([]);
    });
  });

  test('listeners see the store as it is after the event, and each gets every event', () => {
    const store = new Store<Thing>();
    const sizes: number[] = [];
    store.onChange(() => sizes.push(store.size));
    store.onChange(() => sizes.push(store.size));
    store.put(aThing('a'));
    store.remove(aThing('a'));
    expect(sizes).toEqual([1, 1, 0, 0]);
  });

  test('contents, index and the told events agree, whatever happened', () => {
    const things = fc
      .record({
        name: fc.constantFrom('a', 'b', 'c'),
        uid: fc.constantFrom('1', '2'),
        version: fc.constantFrom('1', '2', '3'),
        owner: fc.constantFrom('alice', 'bob'),
      })
      .map(({ name, uid, version, owner }) => aThing(name, `${name}-${uid}`, version, owner));
    const steps = fc.oneof(
      fc.record({ verb: fc.constant('put' as const), thing: things }),
      fc.record({ verb: fc.constant('remove' as const), thing: things }),
      fc.record({
        verb: fc.constant('replace' as const),
        things: fc.uniqueArray(things, { selector: ({ name }) => name }),
      }),
    );
    fc.assert(
      fc.property(fc.array(steps, { maxLength: 30 }), (history) => {
        const store = new Store<Thing>({ owner: (thing) => thing.owner });
        const replayed = new Map<string, Thing>();
        store.onChange((event) => {
          const { name } = event.object;
          expect(replayed.has(name)).toBe(event.type !== 'added');
          if (event.type === 'updated') expect(replayed.get(name)).toBe(event.old);
          if (event.type === 'deleted') replayed.delete(name);
          else replayed.set(name, event.object);
        });
        for (const step of history) {
          if (step.verb === 'put') store.put(step.thing);
          else if (step.verb === 'remove') store.remove(step.thing);
          else store.replace(step.things);
          if (step.verb === 'put') expect(store.get(step.thing.name)?.uid).toBe(step.thing.uid);
          if (step.verb === 'replace') expect(store.size).toBe(step.things.length);
          expect(new Map([...store.list()].map((thing) => [thing.name, thing]))).toEqual(replayed);
          for (const owner of ['alice', 'bob']) {
            const wanted = [...replayed.values()].filter((thing) => thing.owner === owner);
            expect(new Set(store.byIndex('owner', owner))).toEqual(new Set(wanted));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
