import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { assign, ownerOf, shardOf } from '../../../../src/kube/sharding/layout.ts';

const SHARDS = Array.from({ length: 64 }, (_, shard) => shard);
const members = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 12 });

describe('shardOf', () => {
  const cases = {
    'c-m-abcdefgh': { of8: 3, of64: 27 },
    'c-1': { of8: 5, of64: 13 },
    local: { of8: 3, of64: 19 },
    'c-ünicode': { of8: 2, of64: 10 },
    '': { of8: 4, of64: 60 },
  };
  for (const [cluster, want] of Object.entries(cases)) {
    it(`puts the cluster "${cluster}" where every release puts it`, () => {
      expect({ of8: shardOf(cluster, 8), of64: shardOf(cluster, 64) }).toEqual(want);
    });
  }

  it('says a shard that there is, and the same one each time', () => {
    fc.assert(
      fc.property(fc.string(), fc.integer({ min: 1, max: 512 }), (cluster, shards) => {
        const shard = shardOf(cluster, shards);
        expect(shard).toBe(shardOf(cluster, shards));
        expect(shard).toBeGreaterThanOrEqual(0);
        expect(shard).toBeLessThan(shards);
      }),
    );
  });

  it('spreads a thousand clusters over 64 shards, none with more than three times its part', () => {
    const counts = new Map<number, number>();
    for (let index = 0; index < 1_000; index += 1) {
      const shard = shardOf(`c-m-${index}`, 64);
      counts.set(shard, (counts.get(shard) ?? 0) + 1);
    }
    expect(counts.size).toBe(64);
    expect(Math.max(...counts.values())).toBeLessThan((3 * 1_000) / 64);
  });

  it('refuses a number of shards that there cannot be', () => {
    for (const shards of [0, -1, 1.5, 513, Number.NaN]) {
      expect(() => shardOf('c-1', shards)).toThrow(RangeError);
    }
  });
});

describe('ownerOf', () => {
  it('names nobody when nobody lives', () => {
    expect(ownerOf(0, [])).toBeUndefined();
  });

  it('names the same member in whatever order they are told', () => {
    fc.assert(
      fc.property(members, fc.nat(511), (those, shard) => {
        expect(ownerOf(shard, [...those].reverse())).toBe(ownerOf(shard, those));
      }),
    );
  });

  it('moves to one who joins what is its own, and nothing between the others', () => {
    fc.assert(
      fc.property(members, fc.string({ minLength: 41, maxLength: 50 }), (those, joiner) => {
        for (const shard of SHARDS) {
          const after = ownerOf(shard, [...those, joiner]);
          if (after !== joiner) expect(after).toBe(ownerOf(shard, those));
        }
      }),
    );
  });

  it('moves of one who leaves its own shards, and nothing else', () => {
    fc.assert(
      fc.property(members, (those) => {
        const [leaver, ...rest] = those;
        for (const shard of SHARDS) {
          const before = ownerOf(shard, those);
          if (before !== leaver) expect(ownerOf(shard, rest)).toBe(before);
        }
      }),
    );
  });

  it('gives each of three members of any names about a third of 64 shards', () => {
    for (let round = 0; round < 200; round += 1) {
      const three = ['a', 'b', 'c'].map((name) => `ace-operator-${round}-${name}`);
      for (const member of three) {
        const own = SHARDS.filter((shard) => ownerOf(shard, three) === member).length;
        // 64 draws of one third: 21.3 on average with a deviation of 3.8.
        expect(own).toBeGreaterThanOrEqual(6);
        expect(own).toBeLessThanOrEqual(37);
      }
    }
  });
});

describe('assign', () => {
  const nobody = SHARDS.map(() => undefined);
  const moved = (before: readonly unknown[], after: readonly unknown[]): number =>
    before.filter((owner, shard) => owner !== after[shard]).length;
  const loadsOf = (assigned: readonly (string | undefined)[], those: readonly string[]): readonly number[] =>
    those.map((member) => assigned.filter((owner) => owner === member).length);

  it('leaves shards to nobody only when nobody lives', () => {
    expect(assign(nobody, [])).toEqual(nobody);
    expect(assign(['gone', undefined], ['a'])).toEqual(['a', 'a']);
  });

  it('changes nothing where nothing has to move', () => {
    fc.assert(
      fc.property(members, (those) => {
        const settled = assign(nobody, those);
        expect(assign(settled, those)).toEqual(settled);
      }),
    );
  });

  it('gives everybody an even part, whatever the names', () => {
    fc.assert(
      fc.property(members, (those) => {
        const loads = loadsOf(assign(nobody, those), those);
        expect(Math.max(...loads) - Math.min(...loads)).toBeLessThanOrEqual(1);
      }),
    );
  });

  it('moves of one who leaves exactly its shards: at three, never more than 40 %', () => {
    fc.assert(
      fc.property(members, fc.nat(11), (those, index) => {
        const leaver = those[index % those.length] as string;
        const before = assign(nobody, those);
        const after = assign(
          before,
          those.filter((member) => member !== leaver),
        );
        expect(moved(before, after)).toBe(before.filter((owner) => owner === leaver).length);
        if (those.length === 3) expect(moved(before, after)).toBeLessThanOrEqual(0.4 * SHARDS.length);
      }),
    );
  });

  it('moves to one who joins an even part, and nothing between the others', () => {
    fc.assert(
      fc.property(members, fc.string({ minLength: 41, maxLength: 50 }), (those, joiner) => {
        const before = assign(nobody, those);
        const after = assign(before, [...those, joiner]);
        const taken = after.filter((owner) => owner === joiner).length;
        expect(moved(before, after)).toBe(taken);
        expect(taken).toBe(Math.floor(SHARDS.length / (those.length + 1)));
      }),
    );
  });
});
