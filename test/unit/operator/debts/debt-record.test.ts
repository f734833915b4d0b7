import { gunzipSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { byOurClock, type DebtRecord, pack, unpack } from '../../../../src/operator/debts/debt-record.ts';

const KEY = fc
  .tuple(fc.constantFrom('token', 'user'), fc.stringMatching(/^[a-z0-9]{1,20}$/))
  .map((parts) => parts.join('/'));
const RECORD: fc.Arbitrary<DebtRecord> = fc
  .record({
    cluster: fc.constant('c-1'),
    plane: fc.constantFrom('', 'uid-1/uid-2/uid-3'),
    owed: fc
      .dictionary(
        KEY,
        fc.oneof(
          fc.record({ sinceMs: fc.nat(), cause: fc.constantFrom('token', 'user', 'expiry') }),
          fc.record({ sinceMs: fc.nat(), cause: fc.constant('user'), isOfGroups: fc.constant(true) }),
        ),
      )
      .map((entries) => new Map(Object.entries(entries))),
    known: fc.array(KEY).map((keys) => new Set(keys)),
    lately: fc.nat(),
  })
  .map((record) => ({ ...record, apis: kindsOf([...record.owed.keys(), ...record.known]) }));

/** By the length of names: of some it is not known. */
function kindsOf(keys: readonly string[]): ReadonlyMap<string, 'v3' | 'ext'> {
  const kinds = ['v3', 'ext', undefined] as const;
  return new Map(
    keys.flatMap((key) => {
      const api = kinds[key.length % 3];
      return key.startsWith('token/') && api ? [[key, api] as const] : [];
    }),
  );
}

const NONE = { apis: new Map(), lately: 0 };
const ALL = {
  cluster: 'c-1',
  plane: 'p',
  owed: [['token/t-1', 7, 'token']],
  known: ['token/t-2', 'user/u-1'],
  lately: 0,
};

describe('a record of debts', () => {
  test('of an earlier version says nothing of kinds, and is read', async () => {
    const { owed, known, apis } = await unpack(gzipSync(JSON.stringify(ALL)));
    expect([[...owed.keys()], [...known], [...apis]]).toEqual([['token/t-1'], ['token/t-2', 'user/u-1'], []]);
  });

  test('has what an earlier version reads, where it was', async () => {
    const record = await unpack(gzipSync(JSON.stringify(ALL)));
    const apis = new Map([['token/t-1', 'ext' as const]]);
    const { bytes } = await pack({ ...record, apis });
    expect(JSON.parse(gunzipSync(bytes).toString())).toMatchObject({
      ...ALL,
      ext: ['token/t-1'],
      either: ['token/t-2'],
    });
  });

  test('has its times by the clock of whoever reads it, where it says what it was by', async () => {
    const record = { ...(await unpack(gzipSync(JSON.stringify(ALL)))), atMs: 50 };
    const timesOf = ({ owed, atMs }: DebtRecord): unknown => [owed.get('token/t-1')?.sinceMs, atMs];
    // Written by a clock that was 1000 ms behind the plane's, and read by one that is 10 ms behind it.
    const { bytes } = await pack({ ...record, planeAheadMs: 1_000 });
    const ours = byOurClock(await unpack(bytes), 10);
    expect(timesOf(ours)).toEqual([997, 1_040]);
    expect(ours).not.toHaveProperty('planeAheadMs');
    expect(timesOf(byOurClock(record, 10))).toEqual([7, 50]);
  });

  test('comes back as it was packed', async () => {
    await fc.assert(
      fc.asyncProperty(RECORD, async (record) => {
        const { bytes, dropped } = await pack(record);
        expect([await unpack(bytes), dropped]).toEqual([record, 0]);
      }),
    );
  });

  test('never becomes larger than it may, gives up names before debts, and says how many', async () => {
    const owed = new Map(
      Array.from({ length: 400 }, (_, index) => [
        `token/owed-${index}`,
        { sinceMs: index, cause: 'token' as const },
      ]),
    );
    const known = new Set(Array.from({ length: 4_000 }, (_, index) => `token/known-${index * 7919}`));
    const record: DebtRecord = { cluster: 'c-1', plane: 'p', owed, known, apis: new Map(), lately: 0 };
    for (const limit of [20_000, 6_000, 1_000, 300]) {
      const { bytes, dropped } = await pack(record, limit);
      const kept = await unpack(bytes);
      expect(bytes.length).toBeLessThanOrEqual(limit);
      expect(kept.owed.size + kept.known.size + dropped).toBe(4_400);
      if (kept.known.size > 0) expect(kept.owed.size).toBe(400);
      // Those that are owed for longest stay.
      expect([...kept.owed.keys()]).toEqual([...owed.keys()].slice(0, kept.owed.size));
    }
  });

  test('is refused when it is something else, or unpacks to more than anyone wrote', async () => {
    await expect(unpack(Buffer.from('not gzip'))).rejects.toThrow();
    const { bytes } = await pack({ cluster: 'c-1', plane: '', owed: new Map(), known: new Set(), ...NONE });
    await expect(unpack(bytes.subarray(0, 10))).rejects.toThrow();
  });
});
