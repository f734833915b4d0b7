import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Drift, dueMs, oldestOf } from '../../../../src/operator/debts/drift.ts';

const KEYS = ['a', 'b', 'c', 'd'];
const STEP = fc.oneof(
  fc.record({ what: fc.constantFrom('add', 'remove'), key: fc.constantFrom(...KEYS) }),
  fc.record({ what: fc.constant('begin'), key: fc.constant('') }),
  fc.record({ what: fc.constant('end'), key: fc.constant('') }),
);

describe('what differs from the written', () => {
  test('is exact after any history, also when things change during a write', () => {
    fc.assert(
      fc.property(fc.subarray(KEYS), fc.array(STEP, { maxLength: 40 }), (before, steps) => {
        const drift = new Drift(before);
        let written = new Set(before);
        const keys = new Set(before);
        let writing: Set<string> | undefined;
        for (const [nowMs, { what, key }] of steps.entries()) {
          if (what === 'add') {
            drift.add(key, nowMs);
            keys.add(key);
          } else if (what === 'remove') {
            drift.remove(key, nowMs);
            keys.delete(key);
          } else if (what === 'begin') writing = new Set(keys);
          else if (writing) {
            drift.wrote(writing, nowMs);
            written = writing;
            writing = undefined;
          }
          expect(drift.keys).toEqual(keys);
          expect(new Set(drift.added.keys())).toEqual(new Set([...keys].filter((one) => !written.has(one))));
          expect(new Set(drift.removed.keys())).toEqual(
            new Set([...written].filter((one) => !keys.has(one))),
          );
          const times = [...drift.added.values()];
          expect(oldestOf(drift.added)).toBe(times.length === 0 ? undefined : Math.min(...times));
        }
      }),
    );
  });
});

describe('when it is written', () => {
  const since = (count: number, ms: number): ReadonlyMap<string, number> =>
    new Map(Array.from({ length: count }, (_, index) => [`token/t-${index}`, ms]));
  const none = { added: since(0, 0), removed: since(0, 0) };

  test('never, while nothing differs', () => {
    expect(dueMs({ owed: none, known: none, isAway: false })).toBeUndefined();
    expect(dueMs({ owed: none, known: none, isAway: true })).toBeUndefined();
  });

  test('one revocation has a second to be carried out; several, and any of a cluster that is away, are written at once', () => {
    const one = { ...none, added: since(1, 5_000) };
    expect(dueMs({ owed: one, known: none, isAway: false })).toBe(6_000);
    expect(dueMs({ owed: one, known: none, isAway: true })).toBe(5_000);
    expect(dueMs({ owed: { ...none, added: since(3, 5_000) }, known: none, isAway: false })).toBe(5_000);
  });

  test('what was paid goes soon, and the names of a few tokens have time', () => {
    expect(dueMs({ owed: { ...none, removed: since(1, 5_000) }, known: none, isAway: false })).toBe(7_000);
    expect(dueMs({ owed: none, known: { ...none, added: since(10, 5_000) }, isAway: false })).toBe(125_000);
    expect(dueMs({ owed: none, known: { ...none, removed: since(11, 5_000) }, isAway: false })).toBe(7_000);
    expect(dueMs({ owed: none, known: { ...none, added: since(1, 5_000) }, isAway: true })).toBe(5_000);
  });
});
