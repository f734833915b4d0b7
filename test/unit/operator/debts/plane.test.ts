import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ApiError, ConnectionError } from '../../../../src/errors.ts';
import { readInstallationId } from '../../../../src/kube/installation-id.ts';
import type { ObjectKey } from '../../../../src/kube/paths.ts';
import { Refusals } from '../../../../src/kube/refusals.ts';
import type { DebtRecord } from '../../../../src/operator/debts/debt-record.ts';
import { deletedBefore, readPlane } from '../../../../src/operator/debts/plane.ts';
import { EXT_TOKENS_WATCH } from '../../../../src/operator/upstream/management.ts';

const NOW = 1_000_000;
const HERE = { identity: 'kube-system/tokens/users', resourceVersion: '500' };

const names = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, index) => `t-${index + from}`);

interface Given {
  readonly known?: readonly string[];
  readonly users?: readonly string[];
  readonly owed?: readonly string[];
  readonly lately?: number;
  readonly plane?: string;
  readonly resourceVersion?: string;
}

function found({ known = [], users = [], owed = [], ...rest }: Given): {
  record: DebtRecord;
  resourceVersion: string;
} {
  return {
    record: {
      cluster: 'c-1',
      plane: rest.plane ?? HERE.identity,
      owed: new Map(owed.map((name) => [`token/${name}`, { sinceMs: 7, cause: 'token' }])),
      known: new Set([...known.map((name) => `token/${name}`), ...users.map((name) => `user/${name}`)]),
      apis: new Map([...known, ...owed].map((name) => [`token/${name}`, 'v3'])),
      lately: rest.lately ?? 0,
    },
    resourceVersion: rest.resourceVersion ?? '400',
  };
}

function gone(
  given: Given | readonly Given[],
  there: { tokens?: readonly string[]; users?: readonly string[] },
  plane = HERE,
): readonly string[] {
  const named = (list: readonly string[] = [], name: string): readonly string[] =>
    list.filter((one) => one === name);
  const sources = {
    tokensNamed: (name: string) => named(there.tokens, name).map(() => ({ api: 'v3' as const })),
    users: { get: (name: string) => named(there.users, name)[0] },
    unread: new Map(),
  };
  const records = [given].flat().map((one) => found(one as Given));
  return [...deletedBefore(records, plane, sources, NOW).keys()].sort();
}
const tokens = (list: readonly string[]): string[] => list.map((name) => `token/${name}`).sort();

describe('what was deleted while nobody looked', () => {
  test('is what was known and is absent, as long as half of the plane is there', () => {
    expect(gone({ known: names(30) }, { tokens: names(18, 12) })).toEqual(tokens(names(12)));
    expect(gone({ known: names(30) }, { tokens: names(15, 15) })).toEqual(tokens(names(15)));
    expect(gone({ known: names(30) }, { tokens: names(14, 16) })).toEqual([]);
  });

  test('is judged kind by kind, without what could not be read', () => {
    const one = found({ known: names(60) });
    const ofExt = names(60).map((name) => `token/e${name}`);
    const both = {
      ...one,
      record: {
        ...one.record,
        known: new Set([...one.record.known, ...ofExt]),
        apis: new Map([...one.record.apis, ...ofExt.map((key) => [key, 'ext'] as const)]),
      },
    };
    const told = (unread: readonly string[]): number => {
      const sources = { tokensNamed: () => [], users: { get: () => undefined } };
      return deletedBefore([both], HERE, { ...sources, unread: new Map(unread.map((one) => [one, ''])) }, NOW)
        .size;
    };
    expect([told([]), told([EXT_TOKENS_WATCH])]).toEqual([0, 0]);
  });

  test('is known to be gone since it was last seen, or since now where that was not written down', () => {
    const nothing = { tokensNamed: () => [], users: { get: () => undefined }, unread: new Map() };
    const told = (atMs: number | undefined): unknown => {
      const records = [found({ known: names(1) })].map((one) => ({
        ...one,
        record: { ...one.record, atMs },
      }));
      return deletedBefore(records, HERE, nothing, NOW).get('token/t-0');
    };
    expect([told(NOW - 500), told(undefined)]).toEqual([NOW - 500, NOW]);
  });

  test('is judged by the whole plane, not by one cluster', () => {
    const both = [{ known: names(20) }, { known: names(80, 20) }];
    expect(gone(both, { tokens: names(80, 20) })).toEqual(tokens(names(20)));
  });

  test('an empty plane proves nothing, unless somebody was seen emptying it', () => {
    expect(gone({ known: names(40) }, {})).toEqual([]);
    expect(gone({ known: names(40), lately: 2 }, {})).toEqual([]);
    expect(gone({ known: names(40), lately: 3 }, {})).toEqual(tokens(names(40)));
  });

  test('users are judged by themselves: a full list of tokens says nothing about them', () => {
    const users = ['u-1', 'u-2', 'u-3', 'u-4'];
    expect(gone({ known: names(40), users }, { tokens: names(40) })).toEqual([]);
    expect(gone({ known: names(40), users }, { tokens: names(40), users: users.slice(1) })).toEqual([
      'user/u-1',
    ]);
    expect(gone({ known: names(4), users: ['u-1'] }, { tokens: names(4) })).toEqual(['user/u-1']);
  });

  test('another plane, or definitions that were made anew, prove nothing', () => {
    const there = { tokens: names(25, 5) };
    for (const plane of ['other/tokens/users', 'kube-system/new/users', 'kube-system/tokens/new', '']) {
      expect(gone({ known: names(30), plane }, there)).toEqual([]);
    }
    expect(gone({ known: names(30), plane: '' }, there, { ...HERE, identity: '' })).toEqual([]);
  });

  test('a version that went backwards, or is no number, proves nothing', () => {
    const there = { tokens: names(25, 5) };
    expect(gone({ known: names(30), resourceVersion: '501' }, there)).toEqual([]);
    expect(gone({ known: names(30), resourceVersion: 'x' }, there)).toEqual([]);
    expect(gone({ known: names(30) }, there, { ...HERE, resourceVersion: '' })).toEqual([]);
    expect(gone({ known: names(30), resourceVersion: '99999999999999999' }, there)).toEqual([]);
  });

  test('a debt that was seen is evidence however much is missing, but not in another plane', () => {
    expect(gone({ owed: names(12) }, {})).toEqual(tokens(names(12)));
    expect(gone({ owed: names(12), plane: 'other' }, {})).toEqual([]);
    // Made again under that name: nobody deleted that one.
    expect(gone({ owed: names(2) }, { tokens: ['t-1'] })).toEqual(['token/t-0']);
  });

  /**
   * The plane's etcd is put back from a backup, and the record with it. Whatever was made after the backup is absent and was good.
   */
  test('in any history with a restore: nothing that was made after the backup counts as deleted', () => {
    const step = fc.record({
      what: fc.constantFrom('make', 'delete', 'note', 'backup'),
      name: fc.constantFrom(...names(12)),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(step, { maxLength: 20 }), (before, after) => {
        let [there, known, backup] = [
          new Set<string>(),
          new Set<string>(),
          { there: new Set<string>(), known: new Set<string>() },
        ];
        const lost = new Set<string>();
        const run = (steps: typeof before): void => {
          for (const { what, name } of steps) {
            if (what === 'make') there.add(name);
            else if (what === 'delete') there.delete(name);
            else if (what === 'note') known = new Set(there);
            else backup = { there: new Set(there), known: new Set(known) };
          }
        };
        run(before);
        const everKnown = new Set(backup.known);
        for (const name of there) if (!backup.there.has(name)) lost.add(name);
        [there, known] = [new Set(backup.there), new Set(backup.known)];
        run(after.filter(({ what }) => what === 'delete'));
        const evidence = gone({ known: [...known], lately: 3 }, { tokens: [...there] });
        for (const name of lost) if (!everKnown.has(name)) expect(evidence).not.toContain(`token/${name}`);
        // And what was known there and was deleted since, all of it.
        expect(evidence).toEqual(tokens([...known].filter((name) => !there.has(name))));
      }),
    );
  });
});

describe('who the plane is', () => {
  const uids: Readonly<Record<string, string>> = {
    'kube-system': 'a',
    'tokens.management.cattle.io': 'b',
    'users.management.cattle.io': 'c',
  };
  const answers = (get: (name: string) => unknown) => ({
    get: async ({ name }: ObjectKey) => get(name),
    list: async () => ({ items: [], resourceVersion: '7', continue: '' }),
  });
  const refusal = (code: number): ApiError =>
    new ApiError('no', { code, statusReason: '', objectMissing: false, retryAfterMs: undefined });

  const refuse = (error: Error) => (name: string) => {
    if (name === 'kube-system') throw error;
    return { metadata: { uid: uids[name] } };
  };
  let nowMs: number;
  let refusals: Refusals;
  beforeEach(() => {
    [nowMs, refusals] = [1_000, new Refusals()];
    vi.spyOn(performance, 'now').mockImplementation(() => nowMs);
  });
  afterEach(() => void vi.restoreAllMocks());

  test('is told by its namespace and its definitions', async () => {
    const plane = await readPlane(
      answers((name) => ({ metadata: { uid: uids[name] } })),
      refusals,
    );
    expect(plane).toEqual({ identity: 'a/b/c', resourceVersion: '7' });
  });

  test('is unknown when one of them is missing, and asked again when the plane does not answer', async () => {
    const missing = answers(() => undefined);
    expect((await readPlane(missing, refusals)).identity).toBe('');
    await expect(readPlane(answers(refuse(refusal(503))), refusals)).rejects.toThrow();
    const lost = new ConnectionError('Unreachable', 'no answer');
    await expect(readPlane(answers(refuse(lost)), refusals)).rejects.toThrow(lost);
  });

  test('is asked again when one of them is refused, for a while, and unknown after that', async () => {
    const refused = answers(refuse(refusal(403)));
    await expect(readPlane(refused, refusals)).rejects.toMatchObject({ code: 403 });
    nowMs += 29_000;
    await expect(readPlane(refused, refusals)).rejects.toMatchObject({ code: 403 });
    nowMs += 2_000;
    expect(await readPlane(refused, refusals)).toEqual({ identity: '', resourceVersion: '7' });
    // Once it was told, a refusal is news again.
    await readPlane(
      answers((name) => ({ metadata: { uid: uids[name] } })),
      refusals,
    );
    await expect(readPlane(refused, refusals)).rejects.toMatchObject({ code: 403 });
  });

  test('is which installation it is: for whoever lives with the answer for long, a refusal has to last', async () => {
    const refused = answers(refuse(refusal(403)));
    expect(await readInstallationId(refused)).toBeUndefined();
    await expect(readInstallationId(refused, refusals)).rejects.toMatchObject({ code: 403 });
    nowMs += 31_000;
    expect(await readInstallationId(refused, refusals)).toBeUndefined();
  });
});
