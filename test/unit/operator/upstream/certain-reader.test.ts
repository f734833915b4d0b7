import { beforeEach, describe, expect, test } from 'vitest';
import {
  CUSTOM_RESOURCE_DEFINITIONS,
  EXT_TOKEN_SECRETS,
  NAMESPACES,
  type Resource,
  TOKENS,
} from '../../../../src/api/names.ts';
import { UnseenError } from '../../../../src/errors.ts';
import { tokenKey, userKey } from '../../../../src/operator/keys.ts';
import { CertainReader } from '../../../../src/operator/upstream/certain-reader.ts';
import { DeletionEvidence } from '../../../../src/operator/upstream/deletions.ts';
import { status } from '../../../support/fake-api.ts';

const T0 = Date.parse('2026-01-01T00:00:00Z');
let definition: object | undefined | Error;
let looks: number;
let token: object | undefined;
let evidence: DeletionEvidence;
let undefinedKinds: string[];
let reader: CertainReader;
beforeEach(() => {
  [definition, looks, token] = [{ metadata: { creationTimestamp: '2026-01-01T00:00:00Z' } }, 0, undefined];
  evidence = new DeletionEvidence();
  undefinedKinds = [];
  reader = new CertainReader({
    client: {
      get: async ({ resource }: { resource: Resource }) => {
        await new Promise((resolve) => setImmediate(resolve));
        if (resource !== CUSTOM_RESOURCE_DEFINITIONS && resource !== NAMESPACES) return token;
        looks += 1;
        if (definition instanceof Error) throw definition;
        return definition;
      },
      list: async () => ({ items: [], resourceVersion: '1', continue: '' }),
    },
    onDefined: (resource, sinceMs) => evidence.trustSince(resource, sinceMs),
    onUndefined: ({ plural }) => void undefinedKinds.push(plural),
  });
});
const read = (name = 't-1'): Promise<unknown> => reader.get({ resource: TOKENS, name });

describe('what does not exist in the management plane', () => {
  test('does not exist, while its definition stands', async () => {
    expect(await read()).toBeUndefined();
  });

  test('and what exists costs no second look', async () => {
    token = {};
    expect(await read()).toEqual({});
    expect(looks).toBe(0);
  });

  test.each([
    ['being deleted', { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } }],
    ['missing', undefined],
  ])('is not known to be deleted while its definition is %s', async (why, is) => {
    definition = is;
    await expect(read()).rejects.toThrow(UnseenError);
    await expect(read()).rejects.toThrow(why);
    expect(undefinedKinds).toContain('tokens');
  });

  test('is taken for what it seems where the definition may not be read', async () => {
    definition = status(403, 'Forbidden');
    expect(await read()).toBeUndefined();
  });

  test('is not known where the question for the definition fails', async () => {
    definition = status(500, 'InternalError');
    await expect(read()).rejects.toMatchObject({ code: 500 });
    definition = { metadata: {} };
    expect(await read()).toBeUndefined();
  });

  test('many at a time cost few looks, each begun after its own answer', async () => {
    await Promise.all(Array.from({ length: 100 }, (_, index) => read(`t-${index}`)));
    expect(looks).toBeLessThanOrEqual(3);
    definition = undefined;
    const late = read();
    await expect(late).rejects.toThrow('missing');
  });
});

test('a deletion that was told before the definition was made again is no evidence', async () => {
  evidence.add(tokenKey('t-before'), T0 - 1_000);
  evidence.add(tokenKey('t-same-second'), T0 + 500);
  evidence.add(tokenKey('t-after'), T0 + 1_000);
  evidence.add(userKey('u-before'), T0 - 1_000);
  expect(evidence.has(tokenKey('t-before'))).toBe(true);
  await read();
  expect(evidence.has(tokenKey('t-before'))).toBe(false);
  expect(evidence.has(tokenKey('t-same-second'))).toBe(false);
  expect(evidence.has(tokenKey('t-after'))).toBe(true);
  expect(evidence.has(userKey('u-before'))).toBe(true);
});

describe('what does not exist in a namespace', () => {
  const readExt = (): Promise<unknown> =>
    reader.get({ resource: EXT_TOKEN_SECRETS, namespace: 'cattle-tokens', name: 't-1' });

  test('does not exist, while the namespace stands, or may not be looked at', async () => {
    expect(await readExt()).toBeUndefined();
    definition = status(403, 'Forbidden');
    expect(await readExt()).toBeUndefined();
  });

  test.each([
    ['being deleted', { metadata: { deletionTimestamp: '2026-01-02T00:00:00Z' } }],
    ['missing', undefined],
  ])('is not known to be deleted while the namespace is %s', async (why, is) => {
    definition = is;
    await expect(readExt()).rejects.toThrow(UnseenError);
    await expect(readExt()).rejects.toThrow(`Namespace cattle-tokens is ${why}`);
    evidence.add(tokenKey('t-1'));
    expect(evidence.has(tokenKey('t-1'))).toBe(true);
  });
});
