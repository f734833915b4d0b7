import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseUser, parseUserAttribute } from '../../../src/api/parse-user.ts';
import { anAttribute, aUser, CANARY, groupsOf, type Json, NOW_TEXT } from '../../support/builders.ts';

describe('parseUser', () => {
  const cases: Record<string, { fields?: Json; metadata?: Json; want: object }> = {
    'true means enabled': { fields: { enabled: true }, want: { enabled: true, problem: undefined } },
    'false means disabled': { fields: { enabled: false }, want: { enabled: false, problem: undefined } },
    'absent means enabled': { fields: { enabled: undefined }, want: { enabled: true } },
    'null means enabled': { fields: { enabled: null }, want: { enabled: true } },
    'a word is a problem, and closed': {
      fields: { enabled: 'yes' },
      want: { enabled: false, problem: expect.any(String) },
    },
    'a number is a problem, and closed': {
      fields: { enabled: 1 },
      want: { enabled: false, problem: expect.any(String) },
    },
    'a deletionTimestamp means deleting': {
      metadata: { deletionTimestamp: NOW_TEXT },
      want: { deleting: true },
    },
    'identity is kept': {
      metadata: { name: 'u-9', uid: 'uid-9', resourceVersion: '7' },
      want: { name: 'u-9', namespace: '', uid: 'uid-9', resourceVersion: '7', deleting: false },
    },
  };
  for (const [title, { fields, metadata, want }] of Object.entries(cases)) {
    test(title, () => {
      expect(aUser(fields, metadata)).toMatchObject(want);
    });
  }

  test('the problem does not repeat the value', () => {
    expect(aUser({ enabled: CANARY }).problem).not.toContain(CANARY);
  });

  test('any JSON beside a name is read, never thrown at, and never changed', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom('enabled', 'status', 'x'), fc.jsonValue()), (fields) => {
        const user = parseUser({ ...fields, metadata: { name: 'u-1' } });
        expect(typeof user.enabled).toBe('boolean');
        expect(Object.isFrozen(user)).toBe(true);
      }),
    );
  });
});

describe('parseUserAttribute', () => {
  test('every field, in the capitals that Rancher stores', () => {
    const raw = {
      metadata: { name: 'u-1', uid: 'uid-1', resourceVersion: '3', ownerReferences: [] },
      UserName: '',
      GroupPrincipals: {
        github: { Items: [{ metadata: { name: 'github_org://2' }, principalType: 'group' }] },
        local: { Items: null },
      },
      LastRefresh: NOW_TEXT,
      NeedsRefresh: true,
      ExtraByProvider: { local: { principalid: ['local://u-1'], username: null }, github: null },
      lastLogin: NOW_TEXT,
      disableAfter: '240h0m0s',
    };
    expect(parseUserAttribute(raw)).toEqual({
      name: 'u-1',
      namespace: '',
      uid: 'uid-1',
      resourceVersion: '3',
      groups: ['github_org://2'],
      lastRefresh: NOW_TEXT,
      needsRefresh: true,
      extraByProvider: { local: { principalid: ['local://u-1'], username: [] }, github: {} },
      problem: undefined,
    });
  });

  test('the lower-camel spelling of other tools is read as well', () => {
    const raw = {
      metadata: { name: 'u-1' },
      groupPrincipals: { local: { items: [{ metadata: { name: 'g-1' } }] } },
      lastRefresh: NOW_TEXT,
      needsRefresh: true,
      extraByProvider: { local: { username: ['a'] } },
    };
    expect(parseUserAttribute(raw)).toMatchObject({
      groups: ['g-1'],
      lastRefresh: NOW_TEXT,
      needsRefresh: true,
      extraByProvider: { local: { username: ['a'] } },
    });
  });

  test('where both spellings are there the capitalised one wins', () => {
    const raw = {
      metadata: { name: 'u-1' },
      GroupPrincipals: { local: groupsOf('upper') },
      groupPrincipals: { local: groupsOf('lower') },
      LastRefresh: '',
      lastRefresh: NOW_TEXT,
      NeedsRefresh: false,
      needsRefresh: true,
    };
    expect(parseUserAttribute(raw)).toMatchObject({
      groups: ['upper'],
      lastRefresh: '',
      needsRefresh: false,
    });
  });

  const groupCases: Record<string, { principals: unknown; want: readonly string[] }> = {
    'groups of all providers are joined': {
      principals: { b: groupsOf('z'), a: groupsOf('y', 'x') },
      want: ['x', 'y', 'z'],
    },
    'a group of two providers is there once': {
      principals: { a: groupsOf('g'), b: groupsOf('g', 'g') },
      want: ['g'],
    },
    // UTF-16 would put the astral character (a surrogate, 0xD83D) before the private-use one (0xE000).
    'order is that of UTF-8 bytes': {
      principals: { a: groupsOf('😀', '\uE000', 'é', 'z', 'Z') },
      want: ['Z', 'z', 'é', '\uE000', '😀'],
    },
    'no provider is no group': { principals: {}, want: [] },
    'null is no group': { principals: null, want: [] },
    'a provider without items is no group': { principals: { a: { Items: null }, b: {}, c: null }, want: [] },
    'a principal without a name is left out, alone': {
      principals: {
        a: {
          Items: [
            {},
            { metadata: { name: '' } },
            'x',
            null,
            { metadata: { name: 'g' } },
            { metadata: { name: 4 } },
          ],
        },
      },
      want: ['g'],
    },
    'items that are no list are no group': { principals: { a: { Items: 'g' } }, want: [] },
  };
  for (const [title, { principals, want }] of Object.entries(groupCases)) {
    test(title, () => {
      expect(anAttribute({ GroupPrincipals: principals })).toMatchObject({
        groups: want,
        problem: undefined,
      });
    });
  }

  test('group principals of which nothing can be read: a problem, and the value is not repeated', () => {
    for (const principals of [CANARY, [CANARY], 7]) {
      const attribute = anAttribute({ GroupPrincipals: principals });
      expect(attribute).toMatchObject({ groups: [], problem: expect.any(String) });
      expect(attribute.problem).not.toContain(CANARY);
    }
  });

  // One field that nobody can read must not cost a user all rights.
  const good = {
    GroupPrincipals: { okta: groupsOf('g') },
    LastRefresh: NOW_TEXT,
    NeedsRefresh: true,
    ExtraByProvider: { okta: { username: ['a'] } },
  };
  const unreadable: Record<string, { fields: Json; lost: object }> = {
    'a provider that is a string': {
      fields: { GroupPrincipals: { okta: groupsOf('g'), broken: 'x' } },
      lost: {},
    },
    'a provider that is a list': {
      fields: { GroupPrincipals: { okta: groupsOf('g'), broken: [] } },
      lost: {},
    },
    'a lastRefresh that is an object': { fields: { LastRefresh: {} }, lost: { lastRefresh: '' } },
    'a lastRefresh that is a number': { fields: { LastRefresh: 0 }, lost: { lastRefresh: '' } },
    'a needsRefresh that is a word': { fields: { NeedsRefresh: 'true' }, lost: { needsRefresh: false } },
    'extras that are a string': { fields: { ExtraByProvider: 'x' }, lost: { extraByProvider: undefined } },
    'extras of one provider that are a list': {
      fields: { ExtraByProvider: { okta: { username: ['a'] }, broken: [] } },
      lost: { extraByProvider: { okta: { username: ['a'] }, broken: {} } },
    },
    'an extra that is a string instead of a list': {
      fields: { ExtraByProvider: { okta: { username: ['a'], principalid: 'x' } } },
      lost: {},
    },
    'an extra that holds objects': {
      fields: { ExtraByProvider: { okta: { username: ['a'], principalid: [{}] } } },
      lost: {},
    },
  };
  for (const [title, { fields, lost }] of Object.entries(unreadable)) {
    test(`${title} costs nothing else`, () => {
      const { groups, lastRefresh, needsRefresh, extraByProvider, problem } = anAttribute(good);
      expect(anAttribute({ ...good, ...(fields as object) })).toMatchObject({
        ...{ groups, lastRefresh, needsRefresh, extraByProvider, problem },
        ...lost,
      });
      expect([groups, problem]).toEqual([['g'], undefined]);
    });
  }

  test('1 MB of groups is read', () => {
    const names = Array.from(
      { length: 20_000 },
      (_, index) => `activedirectory_group://CN=${index},${'x'.repeat(30)}`,
    );
    expect(anAttribute({ GroupPrincipals: { ad: groupsOf(...names) } }).groups).toHaveLength(20_000);
  });

  test('groups come out sorted by bytes and unique, whatever went in', () => {
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ maxLength: 3 }).filter((key) => key !== '__proto__'),
          fc.array(name),
        ),
        (providers) => {
          const principals = Object.fromEntries(
            Object.entries(providers).map(([provider, names]) => [provider, groupsOf(...names)]),
          );
          const { groups } = anAttribute({ GroupPrincipals: principals });
          const wanted = new Set(Object.values(providers).flat());
          expect(new Set(groups)).toEqual(wanted);
          expect(groups).toHaveLength(wanted.size);
          const bytes = groups.map((group) => Buffer.from(group).toString('hex'));
          expect(bytes).toEqual([...bytes].sort());
        },
      ),
    );
  });

  test('any JSON beside a name is read, never thrown at, and never changed', () => {
    const fieldNames = fc.constantFrom(
      'GroupPrincipals',
      'groupPrincipals',
      'LastRefresh',
      'NeedsRefresh',
      'ExtraByProvider',
      'extraByProvider',
    );
    fc.assert(
      fc.property(fc.dictionary(fieldNames, fc.jsonValue({ maxDepth: 4 })), (fields) => {
        const attribute = parseUserAttribute({ ...fields, metadata: { name: 'u-1' } });
        expect(Array.isArray(attribute.groups)).toBe(true);
        expect(() => (attribute.groups as string[]).push('x')).toThrow(TypeError);
      }),
      { numRuns: 500 },
    );
  });
});
