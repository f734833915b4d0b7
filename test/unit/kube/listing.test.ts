import { beforeEach, expect, test } from 'vitest';
import { CONFIG_MAPS } from '../../../src/api/names.ts';
import { tooLarge } from '../../../src/kube/classify.ts';
import type { KubeClient, ListOptions, ListPage } from '../../../src/kube/client.ts';
import { listAll } from '../../../src/kube/listing.ts';

let asked: ListOptions[];
let onList: (options: ListOptions) => ListPage;
const signal = new AbortController().signal;

const list = (
  options: { maxBytes?: number; maxObjects?: number; pageLimit?: number } = {},
): ReturnType<typeof listAll<unknown>> => {
  const client = {
    list: async (_: unknown, query: ListOptions) => {
      asked.push(query);
      return onList(query);
    },
  } as unknown as KubeClient;
  return listAll({ client, resource: CONFIG_MAPS, parse: (raw) => raw, ...options }, signal);
};
const page = (items: readonly unknown[], more = '', bytes = 1): ListPage => ({
  items,
  resourceVersion: '7',
  continue: more,
  bytes,
});

const named = (name: string): object => ({ metadata: { namespace: 'n', name } });

beforeEach(() => {
  asked = [];
});

test('a page that is too large is asked for in smaller parts, and so are those after it that are as large', async () => {
  onList = ({ limit = 0, continue: at }) => {
    if (limit > 40) throw tooLarge('GET', 'x');
    return at === 'second' ? page(['b']) : page(['a'], 'second', 8 * 1024 * 1024);
  };
  expect((await list()).items).toEqual(['a', 'b']);
  expect(asked.map(({ limit, continue: at }) => [limit, at])).toEqual([
    [500, undefined],
    [125, undefined],
    [31, undefined],
    [31, 'second'],
  ]);
});

test('a few large objects do not make many pages of all that are small behind them', async () => {
  onList = ({ limit = 0, continue: at = '0' }) => {
    if (at === '0' && limit > 40) throw tooLarge('GET', 'x');
    return Number(at) === 4 ? page([named('last')]) : page([named(at)], String(Number(at) + 1));
  };
  await list();
  expect(asked.map(({ limit }) => limit)).toEqual([500, 125, 31, 124, 496, 500, 500]);
});

test('an object that is too large by itself fails the list', async () => {
  onList = () => {
    throw tooLarge('GET', 'x');
  };
  await expect(list()).rejects.toMatchObject({ statusReason: 'ResponseTooLarge' });
  expect(asked.at(-1)?.limit).toBe(1);
});

const endless: Record<string, { onList: () => ListPage; atMost: number }> = {
  'one and the same page without end': { onList: () => page([named('a'), named('b')], 'more'), atMost: 2 },
  'pages without end': { onList: () => page(Array.from({ length: 50_000 }), 'more'), atMost: 12 },
  'empty pages without end': { onList: () => page([], 'more'), atMost: 12 },
  'bytes without end': { onList: () => page(['a'], 'more', 1_000_000), atMost: 6 },
};
for (const [title, { onList: answer, atMost }] of Object.entries(endless)) {
  test(`${title}: the list fails with a reason`, async () => {
    onList = answer;
    await expect(list({ maxBytes: 5_000_000 })).rejects.toMatchObject({
      code: 502,
      statusReason: 'ResponseTooLarge',
    });
    expect(asked.length).toBeLessThanOrEqual(atMost);
  });
}

test('a page that begins with the object that ended the one before is no round', async () => {
  onList = ({ continue: at }) => (at ? page([named('b')]) : page([named('a'), named('b')], 'more'));
  expect((await list()).items).toHaveLength(3);
});

test('so many objects are taken as was said, and one more fails the list', async () => {
  onList = ({ continue: at }) => (at ? page([named('c')]) : page([named('a'), named('b')], 'more'));
  expect((await list({ maxObjects: 3 })).items).toHaveLength(3);
  await expect(list({ maxObjects: 2 })).rejects.toMatchObject({ statusReason: 'ResponseTooLarge' });
});
