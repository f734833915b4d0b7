import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ReadyShards } from '../../../../src/operator/lead/ready-shards.ts';

describe('shards that may be worked on', () => {
  test('are those for which a reading began after they came, and ended', () => {
    const shards = new ReadyShards();
    shards.acquired([1, 2]);
    expect(shards.has(1)).toBe(false);
    expect(shards.beginReading()).toBe(true);
    shards.acquired([3]);
    expect([...shards.endReading()]).toEqual([1, 2]);
    expect([1, 2, 3].map((shard) => shards.has(shard))).toEqual([true, true, false]);
    expect(shards.beginReading()).toBe(true);
    expect([...shards.endReading()]).toEqual([3]);
    expect(shards.beginReading()).toBe(false);
  });

  test('are read for again when a reading failed', () => {
    const shards = new ReadyShards();
    shards.acquired([1]);
    shards.beginReading();
    shards.acquired([2]);
    expect(shards.beginReading()).toBe(true);
    expect([...shards.endReading()]).toEqual([1, 2]);
  });

  test('never by a reading that began before they came back', () => {
    const step = fc.record({
      what: fc.constantFrom('acquired', 'released', 'begin', 'end', 'fail'),
      shard: fc.nat(2),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const shards = new ReadyShards();
        /** Of each shard that we have: whether a reading began since, and whether one ended that did. */
        const model = new Map<number, 'came' | 'reading' | 'ready'>();
        for (const { what, shard } of steps) {
          if (what === 'acquired' && !model.has(shard)) {
            model.set(shard, 'came');
            shards.acquired([shard]);
          } else if (what === 'released') {
            model.delete(shard);
            shards.released([shard]);
          } else if (what === 'begin') {
            shards.beginReading();
            for (const [one, state] of model) if (state === 'came') model.set(one, 'reading');
          } else if (what === 'end') {
            shards.endReading();
            for (const [one, state] of model) if (state === 'reading') model.set(one, 'ready');
          }
          for (const one of [0, 1, 2]) expect(shards.has(one)).toBe(model.get(one) === 'ready');
        }
      }),
    );
  });
});
