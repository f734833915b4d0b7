import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergePatch, withoutNulls } from '../../../src/derive/merge-patch.ts';
import { applyMergePatch } from '../../support/json-merge-patch.ts';

type JsonObject = Record<string, unknown>;

describe('mergePatch', () => {
  const cases: Record<string, { from: JsonObject; to: JsonObject; want: JsonObject | undefined }> = {
    'nothing differs: no patch': { from: { a: 1 }, to: { a: 1 }, want: undefined },
    'a changed field': { from: { a: 1 }, to: { a: 2 }, want: { a: 2 } },
    'a missing field': { from: {}, to: { a: 2 }, want: { a: 2 } },
    'a field of others is left alone': { from: { lastUsedAt: 'x', a: 1 }, to: { a: 1 }, want: undefined },
    'null removes what is there': { from: { hash: 'x' }, to: { hash: null }, want: { hash: null } },
    'null is content with absence': { from: {}, to: { hash: null }, want: undefined },
    'null is content with null': { from: { hash: null }, to: { hash: null }, want: undefined },
    'an empty string is absence': { from: { hash: '' }, to: { hash: null }, want: undefined },
    'an empty list is absence': { from: { groups: [] }, to: { groups: null }, want: undefined },
    'an empty object is absence': { from: { extra: {} }, to: { extra: null }, want: undefined },
    'false is no absence': { from: { enabled: false }, to: { enabled: null }, want: { enabled: null } },
    'an empty list is wanted, and null is there': {
      from: { groups: null },
      to: { groups: [] },
      want: undefined,
    },
    'an empty string is wanted, and nothing is there': { from: {}, to: { lastRefresh: '' }, want: undefined },
    'an empty list is wanted, and there are some': {
      from: { groups: ['g'] },
      to: { groups: [] },
      want: { groups: [] },
    },
    'what is empty in a field that is ours whole is no leftover': {
      from: { extra: { a: 'x', b: '', c: [], d: {} } },
      to: { extra: { a: 'x' } },
      want: undefined,
    },
    'labels of others stay': {
      from: { metadata: { labels: { theirs: 'x' } } },
      to: { metadata: { labels: { ours: 'y' } } },
      want: { metadata: { labels: { ours: 'y' } } },
    },
    'data of others stays': {
      from: { data: { theirs: 'x', hash: 'a' } },
      to: { data: { hash: 'b' } },
      want: { data: { hash: 'b' } },
    },
    'a field of ours is ours whole': {
      from: { extraByProvider: { gone: { a: ['1'] }, kept: { a: ['1'], old: ['2'] } } },
      to: { extraByProvider: { kept: { a: ['1'] } } },
      want: { extraByProvider: { gone: null, kept: { old: null } } },
    },
    // Only Kubernetes' own metadata and data are shared; an authentication provider may have any name.
    'a provider named like a shared field is ours whole all the same': {
      from: { extraByProvider: { data: { old: ['1'] }, labels: { a: 'b' } } },
      to: { extraByProvider: { data: {} } },
      want: { extraByProvider: { data: { old: null }, labels: null } },
    },
    'a list is replaced whole': {
      from: { groups: ['a', 'b'] },
      to: { groups: ['b'] },
      want: { groups: ['b'] },
    },
    'the order of a list counts': {
      from: { groups: ['a', 'b'] },
      to: { groups: ['b', 'a'] },
      want: { groups: ['b', 'a'] },
    },
    'an equal list is no change': {
      from: { groups: ['a', { b: [1] }] },
      to: { groups: ['a', { b: [1] }] },
      want: undefined,
    },
    'an object where a string was is written whole': {
      from: { metadata: { labels: 'broken' } },
      to: { metadata: { labels: { a: 'b', gone: null } } },
      want: { metadata: { labels: { a: 'b' } } },
    },
    'an empty object where nothing was': {
      from: {},
      to: { extraByProvider: {} },
      want: undefined,
    },
    'an empty object empties ours': {
      from: { extra: { a: 1 } },
      to: { extra: {} },
      want: { extra: { a: null } },
    },
    'a string where an object was': { from: { a: { b: 1 } }, to: { a: 'x' }, want: { a: 'x' } },
    'false is a value': { from: { enabled: true }, to: { enabled: false }, want: { enabled: false } },
  };
  for (const [title, { from, to, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(mergePatch(from, to)).toEqual(want);
    });
  }

  // Keys that objects inherit must not be taken for values that are there.
  test('a key that every JavaScript object inherits is no value', () => {
    expect(mergePatch({}, { constructor: null, toString: null })).toBeUndefined();
  });

  const scalar = fc.oneof(fc.string({ maxLength: 3 }), fc.integer(), fc.boolean());
  const list = fc.array(fc.oneof(scalar, fc.dictionary(fc.constantFrom('a', 'b'), scalar)), { maxLength: 3 });

  /** JSON objects whose keys are few, so that two of them have much in common. */
  const objects = (
    keys: readonly string[],
    depth: number,
    leaf: fc.Arbitrary<unknown>,
  ): fc.Arbitrary<JsonObject> =>
    fc.dictionary(
      fc.constantFrom(...keys),
      depth === 0 ? leaf : fc.oneof(leaf, objects(keys, depth - 1, leaf)),
      { maxKeys: 4 },
    );
  const observed = objects(
    ['a', 'b', 'c', 'metadata', 'labels', 'x'],
    3,
    fc.oneof(scalar, list, fc.constant(null)),
  );
  const desired = objects(
    ['a', 'b', 'c', 'metadata', 'labels'],
    3,
    fc.oneof(scalar, list, fc.constant(null)),
  );

  test('applied as RFC 7386 says, a patch leaves nothing to patch', () => {
    fc.assert(
      fc.property(observed, desired, (from, to) => {
        const patch = mergePatch(from, to);
        const patched = applyMergePatch(from, patch ?? {}) as JsonObject;
        expect(mergePatch(patched, to)).toBeUndefined();
        if (patch === undefined) expect(patched).toEqual(from);
      }),
      { numRuns: 2000 },
    );
  });

  test('what the patch does not name stays, at the top and in what is shared', () => {
    fc.assert(
      fc.property(observed, desired, (from, to) => {
        const patched = applyMergePatch(from, mergePatch(from, to) ?? {}) as JsonObject;
        for (const key of Object.keys(from))
          if (!Object.hasOwn(to, key)) expect(patched[key]).toEqual(from[key]);
        const labels = (object: JsonObject): unknown =>
          (object['metadata'] as JsonObject | undefined)?.['labels'];
        const [before, after, wanted] = [labels(from), labels(patched), labels(to)];
        if (!isObject(before) || !isObject(after) || !isObject(wanted)) return;
        for (const key of Object.keys(before))
          if (!Object.hasOwn(wanted, key)) expect(after[key]).toEqual(before[key]);
      }),
      { numRuns: 1000 },
    );
  });

  test('what it names is there afterwards, and nothing else where the field is ours whole', () => {
    const own = objects(['a', 'b', 'c'], 3, fc.oneof(scalar, list, fc.constant(null)));
    fc.assert(
      fc.property(own, own, (from, to) => {
        const patched = applyMergePatch(from, mergePatch(from, to) ?? {}) as JsonObject;
        for (const key of ['a', 'b', 'c'])
          if (isObject(to[key]))
            expect(withoutEmpty({ field: patched[key] })).toEqual(withoutEmpty({ field: to[key] }));
      }),
      { numRuns: 1000 },
    );
  });
});

/** What is left when all that says nothing is taken away, inside out. */
function withoutEmpty(value: unknown): unknown {
  if (!isObject(value)) return value;
  const kept = Object.entries(value)
    .map(([key, inner]) => [key, withoutEmpty(inner)] as const)
    .filter(
      ([, inner]) => inner !== undefined && !['null', '""', '[]', '{}'].includes(JSON.stringify(inner)),
    );
  return Object.fromEntries(kept);
}

describe('withoutNulls', () => {
  test('drops nulls at every depth of objects, and nothing else', () => {
    expect(withoutNulls({ a: null, b: { c: null, d: 0, e: '' }, f: [null, 1], g: false })).toEqual({
      b: { d: 0, e: '' },
      f: [null, 1],
      g: false,
    });
  });
});

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
