import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { HashStorage, KubeObject } from '../../../src/api/types.ts';
import { desiredTokenObjects } from '../../../src/derive/desired.ts';
import { type Change, diff, keyOf, sourceUid } from '../../../src/derive/diff.ts';
import { withoutNulls } from '../../../src/derive/merge-patch.ts';
import { waysIn } from '../../support/authenticator-model.ts';
import { aToken, NOW, SECOND } from '../../support/builders.ts';
import { applyMergePatch } from '../../support/json-merge-patch.ts';

const NAMESPACE = 'cattle-system';
const DYING = '2026-01-01T00:00:00Z';

interface Wish {
  readonly uid: string;
  readonly user: string;
  readonly hash: string;
  readonly storage: HashStorage;
  readonly expiresAtMs: number | undefined;
}

const desire = ({ uid, user, hash, storage, expiresAtMs }: Wish): readonly KubeObject[] =>
  desiredTokenObjects(
    aToken({ userId: user }, { uid }),
    expiresAtMs,
    { hash, fingerprint: `fingerprint of ${uid} ${hash}` },
    { cluster: 'c-1', namespace: NAMESPACE, storage },
  );

/** Objects as the server stores them; `null` fields are not there. */
const stored = (objects: readonly KubeObject[]): readonly KubeObject[] =>
  objects.map((object) => {
    const written = withoutNulls(object);
    return {
      ...written,
      metadata: { ...written.metadata, uid: `uid of ${keyOf(object)}`, resourceVersion: '1' },
    };
  });

const dying = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, deletionTimestamp: DYING },
});

/** A cluster to which changes are applied one by one, as an API server would. */
class Model {
  readonly #objects: Map<string, KubeObject>;
  /** Kinds that something holds by a finalizer: a delete marks them and no more. */
  readonly #held: ReadonlySet<string>;

  constructor(objects: readonly KubeObject[], held: readonly string[] = []) {
    this.#objects = new Map(objects.map((object) => [keyOf(object), object]));
    this.#held = new Set(held);
  }

  /** In write order: Secret, ClusterAuthToken. */
  objects(): readonly KubeObject[] {
    return ['Secret/t-1', 'ClusterAuthToken/t-1'].flatMap((key) => this.#objects.get(key) ?? []);
  }

  /** @returns false when the server refuses: the writer stops there */
  apply(change: Change): boolean {
    const key = keyOf(change.verb === 'create' ? change.object : change.target);
    const current = this.#objects.get(key);
    switch (change.verb) {
      case 'wait':
        return false;
      case 'create':
        if (current) return false;
        this.#objects.set(key, stored([change.object])[0] as KubeObject);
        return true;
      case 'patch':
        if (!current) return false;
        this.#objects.set(key, applyMergePatch(current, change.patch) as KubeObject);
        return true;
      case 'delete':
        if (current && this.#held.has(current.kind)) this.#objects.set(key, dying(current));
        else this.#objects.delete(key);
        return true;
    }
  }
}

const ways = (objects: readonly KubeObject[]): ReadonlySet<string> =>
  new Set(waysIn(objects).map(({ userName, hash }) => JSON.stringify([userName, hash])));

/** Applies the changes one by one; after each, nothing may open that was neither open before nor is to be. */
function applySafely(model: Model, changes: readonly Change[], desired: readonly KubeObject[]): void {
  const allowed = new Set([...ways(model.objects()), ...ways(stored(desired))]);
  for (const change of changes) {
    if (!model.apply(change)) return;
    for (const way of ways(model.objects())) expect(allowed, `after ${change.verb}: ${way}`).toContain(way);
  }
}

const WISH: Wish = { uid: 'uid-1', user: 'alice', hash: 'h1', storage: 'secret', expiresAtMs: undefined };
const summary = (changes: readonly Change[]): readonly string[] =>
  changes.map(
    (change) => `${change.verb} ${(change.verb === 'create' ? change.object : change.target).kind}`,
  );

describe('diff', () => {
  const cases: Record<string, { before?: readonly KubeObject[]; wish?: Wish; want: readonly string[] }> = {
    'nothing wanted, nothing there: nothing to do': { want: [] },
    'a new token: first its Secret': { wish: WISH, want: ['create Secret', 'create ClusterAuthToken'] },
    'nothing changed: nothing to do': { before: stored(desire(WISH)), wish: WISH, want: [] },
    'wanted no more: the ClusterAuthToken goes first': {
      before: stored(desire(WISH)),
      want: ['delete ClusterAuthToken', 'delete Secret'],
    },
    'only the Secret is left': { before: stored(desire(WISH)).slice(0, 1), want: ['delete Secret'] },
    'another hash of the same token': {
      before: stored(desire(WISH)),
      wish: { ...WISH, hash: 'h2' },
      want: ['patch Secret'],
    },
    'another expiry': {
      before: stored(desire(WISH)),
      wish: { ...WISH, expiresAtMs: NOW },
      want: ['patch ClusterAuthToken'],
    },
    'another token of the same name: the old one goes first': {
      before: stored(desire(WISH)),
      wish: { ...WISH, uid: 'uid-2', user: 'bob', hash: 'h2' },
      want: ['delete ClusterAuthToken', 'patch Secret', 'create ClusterAuthToken'],
    },
    'the same token for another user: the old one goes first': {
      before: stored(desire(WISH)),
      wish: { ...WISH, user: 'bob' },
      want: ['delete ClusterAuthToken', 'create ClusterAuthToken'],
    },
    'from Secret to inline: the Secret goes last': {
      before: stored(desire(WISH)),
      wish: { ...WISH, storage: 'inline' },
      want: ['patch ClusterAuthToken', 'delete Secret'],
    },
    'from inline to Secret: the Secret comes first': {
      before: stored(desire({ ...WISH, storage: 'inline' })),
      wish: WISH,
      want: ['create Secret', 'patch ClusterAuthToken'],
    },
    'what is being deleted is closed, and not deleted again': {
      before: stored(desire(WISH)).map(dying),
      want: ['patch ClusterAuthToken'],
    },
    'what is being deleted is waited for': {
      before: stored(desire(WISH)).map(dying),
      wish: { ...WISH, hash: 'h2' },
      want: ['wait Secret'],
    },
  };
  for (const [title, { before = [], wish, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(summary(diff(wish ? desire(wish) : [], before))).toEqual(want);
    });
  }

  test('a created object has no null fields', () => {
    for (const change of diff(desire(WISH), [])) {
      expect(change.verb === 'create' && JSON.stringify(change.object)).not.toContain('null');
    }
  });

  test('a patch names neither the object nor what it does not change', () => {
    const [change] = diff(desire({ ...WISH, expiresAtMs: NOW }), stored(desire(WISH)));
    expect(change).toMatchObject({ verb: 'patch', patch: { expiresAt: '2026-01-01T00:00:00Z' } });
    expect(Object.keys((change as { patch: object }).patch)).toEqual(['expiresAt']);
  });

  const wishes: fc.Arbitrary<Wish> = fc.record({
    uid: fc.constantFrom('uid-1', 'uid-2'),
    user: fc.constantFrom('alice', 'bob'),
    hash: fc.constantFrom('h1', 'h2', 'h3'),
    storage: fc.constantFrom<HashStorage>('secret', 'inline'),
    expiresAtMs: fc.constantFrom(undefined, NOW, NOW + SECOND),
  });

  /** What we may find: something written once, half of it, both forms at once, edited by hand. */
  const findings: fc.Arbitrary<readonly KubeObject[]> = fc
    .record({
      secret: fc.option(wishes, { nil: undefined }),
      token: fc.option(wishes, { nil: undefined }),
      edits: fc.record(
        {
          enabled: fc.constantFrom(true, false, 'yes'),
          hash: fc.constantFrom('h1', 'h4', ''),
          lastUsedAt: fc.constant(DYING),
          expiresAt: fc.constantFrom('', 'never'),
        },
        { requiredKeys: [] },
      ),
      withoutMarks: fc.boolean(),
    })
    .map(({ secret, token, edits, withoutMarks }) => {
      const secrets = secret ? desire({ ...secret, storage: 'secret' }).slice(0, 1) : [];
      const tokens = token ? desire(token).slice(-1) : [];
      const marked = tokens.map((object) => ({ ...object, ...edits }));
      const unmarked = marked.map((object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: {} },
      }));
      return stored([...secrets, ...(withoutMarks ? unmarked : marked)]);
    });

  const scenarios = fc.tuple(findings, fc.option(wishes, { nil: undefined }));

  test('what it says to do leaves nothing to do', () => {
    fc.assert(
      fc.property(scenarios, ([before, wish]) => {
        const desired = wish ? desire(wish) : [];
        const model = new Model(before);
        for (const change of diff(desired, before)) expect(model.apply(change)).toBe(true);
        expect(diff(desired, model.objects())).toEqual([]);
        expect(ways(model.objects())).toEqual(ways(stored(desired)));
      }),
      { numRuns: 2000 },
    );
  });

  test('at no step does anything open that was not open before and is not to be', () => {
    fc.assert(
      fc.property(scenarios, ([before, wish]) => {
        const desired = wish ? desire(wish) : [];
        applySafely(new Model(before), diff(desired, before), desired);
      }),
      { numRuns: 2000 },
    );
  });

  test('what others keep in our objects stays', () => {
    fc.assert(
      fc.property(wishes, wishes, (from, to) => {
        fc.pre(from.uid === to.uid && from.user === to.user);
        const before = stored(desire(from)).map((object) => ({
          ...object,
          lastUsedAt: DYING,
          theirs: { a: 1 },
        }));
        const model = new Model(before);
        const desired = desire(to);
        for (const change of diff(desired, before)) model.apply(change);
        const after = model.objects().find(({ kind }) => kind === 'ClusterAuthToken');
        expect(after).toMatchObject({ lastUsedAt: DYING, theirs: { a: 1 } });
      }),
    );
  });

  test('frozen input is no obstacle', () => {
    const freeze = (objects: readonly KubeObject[]): readonly KubeObject[] => {
      for (const object of objects) Object.freeze(Object.freeze(object).metadata);
      return Object.freeze(objects);
    };
    const before = freeze(stored(desire(WISH)));
    expect(() => diff(freeze(desire({ ...WISH, uid: 'uid-2', storage: 'inline' })), before)).not.toThrow();
  });
});

// A finalizer of someone else's keeps a deleted object there, and the authenticator goes on reading it.
describe('diff, while something holds an object that is to go', () => {
  const ALICE = stored(desire(WISH));
  const BOB: Wish = { ...WISH, uid: 'uid-2', user: 'bob', hash: 'h2' };

  test('a ClusterAuthToken that is still going is not paired with the hash of its successor', () => {
    const [secret, token] = ALICE as [KubeObject, KubeObject];
    const before = [secret, dying(token)];
    applySafely(new Model(before, ['ClusterAuthToken']), diff(desire(BOB), before), desire(BOB));
  });

  test('a ClusterAuthToken is not created over a Secret of another token that is still going', () => {
    const before = ALICE.slice(0, 1).map(dying);
    applySafely(new Model(before, ['Secret']), diff(desire(BOB), before), desire(BOB));
  });
});

describe('sourceUid', () => {
  const cases = {
    'of a token': { annotations: { 'ace-operator.io/token-uid': 'a' }, want: 'a' },
    'of a user': { annotations: { 'ace-operator.io/user-uid': 'b' }, want: 'b' },
    'of nobody that we know': { annotations: {}, want: undefined },
  };
  for (const [title, { annotations, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(sourceUid({ apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a', annotations } })).toBe(
        want,
      );
    });
  }
});
