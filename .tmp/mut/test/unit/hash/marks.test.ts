import { describe, expect, test } from 'vitest';
import { fingerprint } from '../../../src/hash/fingerprint.ts';
import { Marks } from '../../../src/hash/marks.ts';

const [FIRST, SECOND] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];
const MARKED = { tokenUid: 'uid-1', algorithm: 'bcrypt', value: 'a secret', hash: '$2b$…' };

describe('a mark', () => {
  test('says by which key it was made, and not what that key is', () => {
    const mark = new Marks(FIRST).sign(MARKED);
    expect(mark).toMatch(/^[0-9a-f]{16}:[0-9a-f]{64}$/);
    expect(mark).not.toBe(new Marks(SECOND).sign(MARKED));
    expect(mark).not.toContain(FIRST.toString('hex'));
  });

  test.each(['tokenUid', 'algorithm', 'value', 'hash'] as const)(
    'fits nothing that differs in %s',
    (field) => {
      const marks = new Marks(FIRST);
      const mark = marks.sign(MARKED);
      expect([marks.fits(mark, MARKED), marks.fits(mark, { ...MARKED, [field]: 'other' })]).toEqual([
        true,
        false,
      ]);
    },
  );

  test('under a key that is not held fits nothing and proves nothing', () => {
    const foreign = new Marks(SECOND).sign(MARKED);
    const marks = new Marks(FIRST);
    expect([marks.fits(foreign, MARKED), marks.isReadable(foreign)]).toEqual([false, false]);
    expect(marks.isReadable(marks.sign(MARKED))).toBe(true);
  });

  test('without an id, as the first ones were, may fit; when it does not, it proves nothing', () => {
    const marks = new Marks(FIRST);
    const old = fingerprint(FIRST, MARKED);
    expect([marks.fits(old, MARKED), marks.isReadable(old)]).toEqual([true, false]);
    expect(marks.fits(fingerprint(SECOND, MARKED), MARKED)).toBe(false);
    for (const nonsense of ['', ':', 'x', ':f', 'f:']) {
      expect([marks.fits(nonsense, MARKED), marks.isReadable(nonsense)]).toEqual([false, false]);
    }
  });

  test('of before the key was replaced is still read by the process that saw that', () => {
    const marks = new Marks(FIRST);
    const before = marks.sign(MARKED);
    marks.renew(SECOND);
    expect([marks.fits(before, MARKED), marks.isReadable(before)]).toEqual([true, true]);
    expect(marks.sign(MARKED)).toBe(new Marks(SECOND).sign(MARKED));
    marks.renew(FIRST);
    expect(marks.sign(MARKED)).toBe(before);
  });

  test('needs a key', () => {
    expect(() => new Marks(Buffer.alloc(0)).sign(MARKED)).toThrow(RangeError);
  });
});
