import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type DebtRecord, pack, unpack } from '../../../../src/operator/debts/debt-record.ts';

const KEY = fc
  .tuple(fc.constantFrom('token', 'user'), fc.stringMatching(/^[a-z0-9]{1,20}$/))
  .map((parts) => parts.join('/'));
const RECORD: fc.Arbitrary<DebtRecord> = fc.record({
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
});

describe('a record of debts', () => {
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
    const record: DebtRecord = { cluster: 'c-1', plane: 'p', owed, known, lately: 0 };
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
    const { bytes } = await pack({ cluster: 'c-1', plane: '', owed: new Map(), known: new Set(), lately: 0 });
    await expect(unpack(bytes.subarray(0, 10))).rejects.toThrow();
  });
});
